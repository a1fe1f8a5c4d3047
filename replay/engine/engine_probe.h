// What this machine can run, found out by trying: a feature that works is there, whatever the
// kernel's version. What is missing is said with how to get it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/packet/address.h"
#include "model/result.h"
#include "replay/engine/netfilter_node.h"

namespace kubeproof {

struct EngineProbe {
  std::string name;                  // as --engine spells it
  std::vector<std::string> missing;  // what, and how to get it
  std::vector<std::string> notes;    // how it runs here

  bool available() const { return missing.empty(); }
};

// All engines, in the order in which they are to be shown.
std::vector<EngineProbe> probe_engines();

EngineProbe probe_netfilter();
EngineProbe probe_ebpf_tc();
EngineProbe probe_ebpf_xdp();

// Which variant of the iptables tools loads all kinds of rules that kube-proxy writes; the legacy
// one where both do. An error names what the better one lacks.
Result<IptablesVariant> choose_iptables_variant();

}  // namespace kubeproof
