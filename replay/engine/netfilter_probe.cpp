#include <array>
#include <span>
#include <string_view>

#include "replay/engine/child_process.h"
#include "replay/engine/conntrack_table.h"
#include "replay/engine/engine_probe.h"
#include "replay/engine/hook_chains.h"
#include "replay/engine/packet_log.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/tun_device.h"

namespace kubeproof {
namespace {

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

// One rule for each kernel feature that kube-proxy's rules need.
struct RuleFeature {
  std::string_view table;
  std::string_view rule;
  std::string_view option;  // of the kernel's configuration
};

constexpr std::array kRuleFeatures = {
    RuleFeature{"filter", "FORWARD -m comment --comment x -j ACCEPT", "NETFILTER_XT_MATCH_COMMENT"},
    RuleFeature{"filter", "FORWARD -m conntrack --ctstate NEW -j DROP",
                "NETFILTER_XT_MATCH_CONNTRACK"},
    RuleFeature{"filter", "FORWARD -m mark --mark 1/1 -j ACCEPT", "NETFILTER_XT_MARK"},
    RuleFeature{"filter", "FORWARD -m addrtype --dst-type LOCAL -j DROP",
                "NETFILTER_XT_MATCH_ADDRTYPE"},
    RuleFeature{"filter", "FORWARD -j REJECT", "IP_NF_TARGET_REJECT"},
    RuleFeature{"nat", "PREROUTING -m statistic --mode random --probability 0.5 -j RETURN",
                "NETFILTER_XT_MATCH_STATISTIC"},
    RuleFeature{"nat", "PREROUTING -m recent --name kubeproof --set -j RETURN",
                "NETFILTER_XT_MATCH_RECENT"},
    RuleFeature{"nat", "PREROUTING -p sctp -m sctp --dport 80 -j RETURN",
                "NETFILTER_XT_MATCH_SCTP"},
    RuleFeature{"nat", "PREROUTING -j MARK --or-mark 1", "NETFILTER_XT_MARK"},
    RuleFeature{"nat", "POSTROUTING -j MASQUERADE --random-fully",
                "NETFILTER_XT_TARGET_MASQUERADE"},
};

std::string restore_tool(Family family, IptablesVariant variant) {
  return fmt::format("{}-{}-restore", family == Family::kIpv4 ? "iptables" : "ip6tables",
                     to_string(variant));
}

Result<std::string> load(const std::string& tool, std::string_view text) {
  return run_child_checked({tool}, text, {"XTABLES_LOCKFILE=/proc/self/fd/0"});
}

std::string ruleset_of(std::span<const RuleFeature> features) {
  std::string text;
  for (const std::string_view table : {"filter", "nat"}) {
    text += fmt::format("*{}\n", table);
    for (const RuleFeature& feature : features) {
      if (feature.table == table) text += fmt::format("-A {}\n", feature.rule);
    }
    text += "COMMIT\n";
  }
  return text;
}

// In a namespace of its own. Empty where all is well, else the first thing that is not.
std::optional<std::string> rules_missing(IptablesVariant variant) {
  for (const Family family : kFamilies) {
    const std::string tool = restore_tool(family, variant);
    if (!run_child({tool, "--version"}, "")) {
      return fmt::format("the program {}: install the package iptables", tool);
    }
    const auto all = load(tool, ruleset_of(kRuleFeatures));
    if (all) continue;
    for (const RuleFeature& feature : kRuleFeatures) {
      const auto loaded = load(tool, ruleset_of({&feature, 1}));
      if (!loaded) {
        return fmt::format("a rule '{}' ({}): the kernel needs CONFIG_{}", feature.rule,
                           loaded.error().message, feature.option);
      }
    }
    return all.error().message;
  }
  return {};
}

void require(EngineProbe& probe, std::string_view what, const Result<void>& result) {
  if (!result) probe.missing.push_back(fmt::format("{}: {}", what, result.error().message));
}

template <class T>
Result<void> outcome(const Result<T>& result) {
  if (!result) return tl::unexpected(result.error());
  return {};
}

Result<void> try_conntrack() {
  auto table = ConntrackTable::open();
  if (!table) return tl::unexpected(table.error());
  return outcome(table->list());
}

void require_program(EngineProbe& probe, const char* program, const char* package) {
  if (!run_child({program, "-V"}, "")) {
    probe.missing.push_back(
        fmt::format("the program {}: install the package {}", program, package));
  }
}

}  // namespace

Result<IptablesVariant> choose_iptables_variant() {
  auto space = PrivateNamespace::create();
  if (!space) return tl::unexpected(space.error());
  return space->run([]() -> Result<IptablesVariant> {
    const auto legacy = rules_missing(IptablesVariant::kLegacy);
    if (!legacy) return IptablesVariant::kLegacy;
    if (!rules_missing(IptablesVariant::kNft)) return IptablesVariant::kNft;
    return environment_error("{}", *legacy);
  });
}

EngineProbe probe_netfilter() {
  EngineProbe probe{"netfilter", {}, {}};
  require_program(probe, "ip", "iproute2");
  require_program(probe, "nft", "nftables");
  const auto space = PrivateNamespace::create();
  if (!space) {
    probe.missing.push_back(space.error().message);
    return probe;
  }
  const auto tried = space->run([&]() -> Result<void> {
    require(probe, "TUN devices", outcome(TunDevice::open(2, "probe0")));
    require(probe, "nftables in the kernel (CONFIG_NF_TABLES_INET)",
            outcome(run_child_checked({"nft", "-f", "-"}, delivery_chain() + entry_chains({}))));
    require(probe, "packet log", outcome(PacketLog::open({kDeliveryGroup})));
    require(probe, "connection tracking (CONFIG_NF_CT_NETLINK)", try_conntrack());
    return {};
  });
  require(probe, "private network namespace", tried);
  const auto variant = choose_iptables_variant();
  require(probe, "iptables", outcome(variant));
  if (variant) {
    probe.notes.push_back(*variant == IptablesVariant::kLegacy
                              ? "rules in legacy tables"
                              : "rules in nf_tables: slow for large clusters, without traces");
  }
  return probe;
}

}  // namespace kubeproof
