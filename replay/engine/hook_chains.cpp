#include "replay/engine/hook_chains.h"

#include <fmt/format.h>

#include "replay/engine/host_sender.h"
#include "replay/engine/loopback_sentinel.h"

namespace kubeproof {

std::string delivery_chain() {
  return fmt::format(
      "table inet kubeproof {{\n"
      "  chain delivered {{\n"
      "    type filter hook input priority 2147483647; policy drop;\n"
      "    log group {}\n"
      "  }}\n"
      "}}\n",
      kDeliveryGroup);
}

std::string entry_chains(const EntryChains& wanted) {
  std::string script = fmt::format(
      "table inet kubeproof {{\n"
      "  chain entered {{ type filter hook prerouting priority -500; }}\n"
      "  chain made_here {{ type filter hook output priority -500; }}\n"
      "}}\n"
      "flush chain inet kubeproof entered\n"
      "flush chain inet kubeproof made_here\n"
      "add rule inet kubeproof entered meta iifname lo meta priority {0} log group {1} drop\n"
      "add rule inet kubeproof made_here meta priority {2} ip id set 0\n",
      LoopbackSentinel::kPriority, kSentinelGroup, HostSender::kZeroIdentificationPriority);
  if (wanted.traced) {
    script += fmt::format(
        "add rule inet kubeproof entered meta iifname != lo meta nftrace set 1\n"
        "add rule inet kubeproof made_here meta priority {{ {}, {} }} meta nftrace set 1\n",
        HostSender::kPriority, HostSender::kZeroIdentificationPriority);
  }
  script += fmt::format(
      "add rule inet kubeproof made_here meta priority {{ {}, {} }} meta priority set none\n",
      HostSender::kPriority, HostSender::kZeroIdentificationPriority);
  if (wanted.mark != 0) {
    script += fmt::format("add rule inet kubeproof entered meta iifname != lo meta mark set {}\n",
                          wanted.mark);
  }
  return script;
}

}  // namespace kubeproof
