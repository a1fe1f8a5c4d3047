// A rule set in the form in which packets are run through it: chains by number, tests as small
// structs in one array, and for chains with many rules an index, so that the cost of a packet does
// not grow with the number of services.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/netfilter/hook.h"
#include "model/netfilter/recent_lists.h"
#include "model/netfilter/rule_index.h"
#include "model/netfilter/rules.h"
#include "model/result.h"

namespace kubeproof::netfilter {

struct PrefixTest {
  IpAddress::Words base;
  IpAddress::Words mask;

  bool matches(const IpAddress::Words& address) const {
    return (address.high & mask.high) == base.high && (address.low & mask.low) == base.low;
  }
};

enum class MatchKind : uint8_t {
  kTransport,
  kDestinationPort,  // first: the port
  kMark,             // first: value, second: mask
  kConntrackState,   // first: ConntrackStateBit
  kLocalAddress,     // first: whether of the source
  kBridgePort,
  kStatistic,      // first: threshold
  kRecentSet,      // first: list
  kRecentRecheck,  // first: list, second: seconds
  kRecentRecheckReap,
  kUnknown,
};

struct CompiledMatch {
  MatchKind kind = MatchKind::kUnknown;
  bool negated = false;
  uint32_t first = 0;
  uint32_t second = 0;
};

enum class TargetKind : uint8_t {
  kNone,
  kAccept,
  kDrop,
  kReturn,
  kReject,
  kJump,        // first: the chain
  kGoto,        // first: the chain
  kMark,        // first: value, second: mask
  kDnat,        // first: index into destinations()
  kMasquerade,  // first: whether random fully
  kUnknown,
};

struct CompiledRule {
  enum Test : uint8_t {
    kSource = 1,
    kDestination = 2,
    kProtocol = 4,
    kInInterface = 8,
    kOutInterface = 16,
  };
  uint8_t tests = 0;      // Test bits: which are there
  uint8_t negations = 0;  // Test bits
  uint8_t protocol = 0;
  TargetKind target = TargetKind::kNone;
  uint32_t target_first = 0;
  uint32_t target_second = 0;
  uint32_t matches_begin = 0;  // into matches()
  uint32_t matches_end = 0;
  PrefixTest source;
  PrefixTest destination;
  const InterfacePattern* in_interface = nullptr;
  const InterfacePattern* out_interface = nullptr;
};

using ChainNumber = uint32_t;

struct CompiledChain {
  const Chain* text = nullptr;  // what it was made from
  std::vector<CompiledRule> rules;
  RuleIndex index;
  // Each rule without its "-A CHAIN", once somebody wanted to read it.
  mutable std::vector<std::string> lines;
};

class CompiledRules {
 public:
  // Names of recent lists get their numbers from `lists`. Jumps to chains that do not exist and
  // chains that jump in circles are errors, as iptables-restore has it.
  static Result<CompiledRules> compile(std::shared_ptr<const Ruleset> rules, ListNames& lists);

  Family family() const { return rules_->family; }
  bool has_table(TableName table) const { return has_table_[static_cast<size_t>(table)]; }

  // The built-in chain that a table has at a hook; empty where it has none, or none that could do
  // anything (no rules, policy ACCEPT).
  std::optional<ChainNumber> entry(TableName table, Hook hook) const {
    return entries_[static_cast<size_t>(table)][static_cast<size_t>(hook)];
  }

  const CompiledChain& chain(ChainNumber number) const { return chains_[number]; }
  const CompiledMatch* matches() const { return matches_.data(); }
  const SocketAddress& destination(uint32_t index) const { return destinations_[index]; }
  const std::unordered_set<ListId>& lists() const { return lists_; }

 private:
  friend class Compiler;

  std::shared_ptr<const Ruleset> rules_;
  std::array<bool, kTableCount> has_table_{};
  std::array<std::array<std::optional<ChainNumber>, kHookCount>, kTableCount> entries_;
  std::vector<CompiledChain> chains_;
  std::vector<CompiledMatch> matches_;
  std::vector<SocketAddress> destinations_;
  std::unordered_set<ListId> lists_;
};

}  // namespace kubeproof::netfilter
