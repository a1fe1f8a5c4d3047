// iptables rules as data: what iptables-save prints, without its order of words. The set of matches
// and targets is the one that kube-proxy uses; anything else is kept as text (UnknownMatch,
// UnknownTarget), so that a real node's dump loses nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof::netfilter {

template <class T>
struct Negatable {
  T value{};
  bool negated = false;
  friend bool operator==(const Negatable&, const Negatable&) = default;
};

// "eth0", or a prefix written "cali+".
struct InterfacePattern {
  std::string name;  // without the '+'
  bool is_prefix = false;
  friend bool operator==(const InterfacePattern&, const InterfacePattern&) = default;
};

struct CommentMatch {
  std::string text;
  friend bool operator==(const CommentMatch&, const CommentMatch&) = default;
};

// `-m tcp|udp|sctp` without options: the transport header is there to be read. The protocol is the
// rule's own.
struct TransportMatch {
  friend bool operator==(const TransportMatch&, const TransportMatch&) = default;
};

// `-m tcp|udp|sctp --dport N`; the protocol is the rule's own.
struct DestinationPortMatch {
  uint16_t port = 0;
  friend bool operator==(const DestinationPortMatch&, const DestinationPortMatch&) = default;
};

// `-m mark --mark value/mask`
struct MarkMatch {
  uint32_t value = 0;
  uint32_t mask = 0xffffffff;
  bool negated = false;
  friend bool operator==(const MarkMatch&, const MarkMatch&) = default;
};

// Bits of `-m conntrack --ctstate`.
enum ConntrackStateBit : uint8_t {
  kStateInvalid = 1,
  kStateNew = 2,
  kStateEstablished = 4,
  kStateRelated = 8,
  kStateSnat = 16,
  kStateDnat = 32,
  kStateUntracked = 64,
};

struct ConntrackStateMatch {
  uint8_t states = 0;  // ConntrackStateBit
  bool negated = false;
  friend bool operator==(const ConntrackStateMatch&, const ConntrackStateMatch&) = default;
};

// `-m addrtype --src-type LOCAL` / `--dst-type LOCAL`
struct LocalAddressMatch {
  bool source = false;  // false: the destination
  bool negated = false;
  friend bool operator==(const LocalAddressMatch&, const LocalAddressMatch&) = default;
};

// `-m physdev --physdev-is-in`: came in by a port of a bridge (net/netfilter/xt_physdev.c).
struct BridgePortMatch {
  bool negated = false;
  friend bool operator==(const BridgePortMatch&, const BridgePortMatch&) = default;
};

// `-m statistic --mode random`: matches when a uniform 31-bit number is below `threshold`
// (net/netfilter/xt_statistic.c).
constexpr double kStatisticScale = 0x80000000U;
struct StatisticMatch {
  uint32_t threshold = 0;
  friend bool operator==(const StatisticMatch&, const StatisticMatch&) = default;
};

// `-m recent --name NAME --set`, or `--rcheck --seconds N --reap`
struct RecentMatch {
  enum class Mode : uint8_t { kSet, kRecheck };
  std::string list;
  Mode mode = Mode::kSet;
  uint32_t seconds = 0;
  bool reap = false;
  friend bool operator==(const RecentMatch&, const RecentMatch&) = default;
};

// `-m nfacct --nfacct-name NAME`: counts, always matches.
struct AccountingMatch {
  std::string counter;
  friend bool operator==(const AccountingMatch&, const AccountingMatch&) = default;
};

// Any other match, as iptables-save prints it: "-m limit --limit 5/min".
struct UnknownMatch {
  std::string text;
  friend bool operator==(const UnknownMatch&, const UnknownMatch&) = default;
};

using Match = std::variant<CommentMatch, TransportMatch, DestinationPortMatch, MarkMatch,
                           ConntrackStateMatch, LocalAddressMatch, BridgePortMatch, StatisticMatch,
                           RecentMatch, AccountingMatch, UnknownMatch>;

struct NoTarget {
  friend bool operator==(const NoTarget&, const NoTarget&) = default;
};
struct AcceptTarget {
  friend bool operator==(const AcceptTarget&, const AcceptTarget&) = default;
};
struct DropTarget {
  friend bool operator==(const DropTarget&, const DropTarget&) = default;
};
struct ReturnTarget {
  friend bool operator==(const ReturnTarget&, const ReturnTarget&) = default;
};
// ICMP port unreachable; ICMPv6 port unreachable in ip6tables.
struct RejectTarget {
  friend bool operator==(const RejectTarget&, const RejectTarget&) = default;
};
struct JumpTarget {
  std::string chain;
  bool is_goto = false;  // `-g`: what returns from there returns to where this chain was called
  friend bool operator==(const JumpTarget&, const JumpTarget&) = default;
};
// mark = (mark & ~mask) ^ value: --or-mark V is {V, V}, --xor-mark V is {V, 0}.
struct MarkTarget {
  uint32_t value = 0;
  uint32_t mask = 0;
  friend bool operator==(const MarkTarget&, const MarkTarget&) = default;
};
struct DnatTarget {
  SocketAddress to;
  friend bool operator==(const DnatTarget&, const DnatTarget&) = default;
};
struct MasqueradeTarget {
  bool random_fully = true;
  friend bool operator==(const MasqueradeTarget&, const MasqueradeTarget&) = default;
};
// Any other target, as iptables-save prints it: "-j SNAT --to-source 192.0.2.1".
struct UnknownTarget {
  std::string text;
  friend bool operator==(const UnknownTarget&, const UnknownTarget&) = default;
};

using Target = std::variant<NoTarget, AcceptTarget, DropTarget, ReturnTarget, RejectTarget,
                            JumpTarget, MarkTarget, DnatTarget, MasqueradeTarget, UnknownTarget>;

struct Rule {
  std::optional<Negatable<Cidr>> source;
  std::optional<Negatable<Cidr>> destination;
  std::optional<Negatable<InterfacePattern>> in_interface;
  std::optional<Negatable<InterfacePattern>> out_interface;
  std::optional<Negatable<uint8_t>> protocol;
  std::vector<Match> matches;  // evaluated left to right
  Target target;
  friend bool operator==(const Rule&, const Rule&) = default;
};

enum class Policy : uint8_t { kAccept, kDrop };

struct Chain {
  std::string name;
  std::optional<Policy> policy;  // built-in chains only
  std::vector<Rule> rules;
  friend bool operator==(const Chain&, const Chain&) = default;
};

enum class TableName : uint8_t { kRaw, kMangle, kNat, kFilter, kSecurity };
constexpr size_t kTableCount = 5;

// "filter", as in `*filter`.
std::string_view to_string(TableName name);
// The hooks that a table has chains for, by the chains' names, in the order of the hooks.
std::initializer_list<const char*> builtin_chains(TableName name);

struct Table {
  TableName name = TableName::kFilter;
  std::vector<Chain> chains;  // in the order of their first appearance

  Chain* find(std::string_view chain);
  const Chain* find(std::string_view chain) const;
  // Adds an empty user chain where there is none of that name. The reference is good until the next
  // chain is added.
  Chain& chain(const std::string& name);

  // A table with its empty built-in chains, in the order of the hooks, that accept.
  static Table with_builtin_chains(TableName name);
  friend bool operator==(const Table&, const Table&) = default;
};

struct Ruleset {
  Family family = Family::kIpv4;
  std::vector<Table> tables;

  const Table* find(TableName name) const;
  friend bool operator==(const Ruleset&, const Ruleset&) = default;
};

}  // namespace kubeproof::netfilter
