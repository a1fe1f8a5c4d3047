// How rules found on a node differ from those that kube-proxy would install: one difference, and
// all of one family.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/packet/address.h"

namespace kubeproof::proxier {

struct RuleDifference {
  enum class Kind : uint8_t {
    kMissing,       // kube-proxy would have this rule
    kUnexpected,    // kube-proxy would not
    kDiffers,       // the same rule but for some arguments
    kOrder,         // the rules are there, but in another order
    kMissingChain,  // with all of its rules
    kUnexpectedChain,
  };
  Kind kind = Kind::kMissing;
  std::string service;  // "namespace/name:port"; empty: rules that no service has
  netfilter::TableName table = netfilter::TableName::kFilter;
  std::string chain;
  std::vector<std::string> arguments;  // kDiffers: "--dport", by name
  std::vector<std::string> expected;   // as iptables-save prints them
  std::vector<std::string> found;
};

// "missing", "unexpected", "differs", "order", "missing chain", "unexpected chain": stable names.
std::string_view to_string(RuleDifference::Kind kind);

struct RuleComparison {
  Family family = Family::kIpv4;
  size_t expected_rules = 0;
  std::vector<RuleDifference> differences;  // by service, then in the order of the chains

  // What the node has decides it, and kube-proxy follows: it was taken from the rules found.
  bool with_counters = false;         // nfacct objects exist
  bool without_random_fully = false;  // the tools are older than 1.6.2

  // Not kube-proxy's, or without effect; set aside.
  std::vector<std::string> missing_tables;  // not in the text at all
  std::vector<std::string> foreign_chains;  // "filter DOCKER-USER"
  std::vector<std::string> stale_chains;    // once kube-proxy's; nothing leads there
  std::vector<std::string> drop_policies;   // "filter FORWARD"
  size_t foreign_rules = 0;                 // in built-in chains and KUBE-FIREWALL

  bool same() const { return differences.empty(); }
};

}  // namespace kubeproof::proxier
