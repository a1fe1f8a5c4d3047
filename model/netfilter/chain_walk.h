// Runs a packet through a table's chain at one hook (net/ipv4/netfilter/ip_tables.c
// ipt_do_table()), along every way that random choices leave open.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "model/netfilter/compiled_rules.h"
#include "model/netfilter/recent_lists.h"
#include "model/node/routing.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

enum class Verdict : uint8_t {
  kAccept,
  kDrop,
  kReject,
  kUnknown,  // a match or target that is not understood would have decided
};

// What a nat chain decided.
struct NatChoice {
  enum class Kind : uint8_t { kNone, kDestination, kMasquerade };
  Kind kind = Kind::kNone;
  SocketAddress to{};         // kDestination
  bool random_fully = false;  // kMasquerade
  friend bool operator==(const NatChoice&, const NatChoice&) = default;
};
inline const NatChoice kNoNat;

// What rules can see of a packet.
struct WalkPacket {
  const PacketView& view;
  const Interface* in = nullptr;
  const Interface* out = nullptr;
  uint32_t mark = 0;
  uint8_t conntrack_states = 0;  // ConntrackStateBit
  // What the packet has already done to the lists, on its way here.
  std::span<const RecentChange> changes;
};

// One end that the walk can come to.
struct WalkEnd {
  Verdict verdict = Verdict::kAccept;
  double probability = 1;
  uint32_t mark = 0;
  NatChoice nat;
  std::vector<RecentChange> changes;  // those before the walk among them
  std::vector<std::string> trace;
};

class ChainWalk {
 public:
  struct Context {
    const CompiledRules& rules;
    const RecentLists& recent;
    const RoutingTable& routes;
    Instant now;
    bool explain = false;
    bool linear = false;  // test every rule in order, as the kernel does; without the index
  };

  // The ends, whose probabilities add up to one. Valid until the next run.
  std::span<WalkEnd> run(const Context& context, TableName table, Hook hook,
                         const WalkPacket& packet);

 private:
  struct Frame {
    ChainNumber chain;
    uint32_t next_rule;
  };
  // A way that is still open.
  struct Branch {
    std::vector<Frame> frames;  // innermost last
    double probability = 1;
    uint32_t mark = 0;
    std::vector<RecentChange> changes;
    std::vector<std::string> trace;
  };
  enum class Tested : uint8_t { kNo, kYes, kHotDrop, kUnknown };
  // Where a rule has a match that is not understood.
  struct Unknown {
    Branch otherwise;            // the branch as it goes on if that match fails
    size_t open_count = 0;       // branches that were open then
    Tested rest = Tested::kYes;  // what the other matches say if it does not
  };

  void follow();
  // Follows all branches that were opened above this many.
  void drain(size_t open_count);
  // Both ways that are open behind a match that is not understood. What both come to is what the
  // branch comes to; where they differ, that is unknown.
  void follow_both(const CompiledRule& rule, Unknown unknown);
  bool any_unknown(size_t first) const;
  bool same_ends(size_t first, size_t middle) const;
  uint32_t next_candidate(const CompiledChain& chain, uint32_t from) const;
  // Fills unknown_ where it says kUnknown.
  Tested test(const CompiledRule& rule);
  bool test_header(const CompiledRule& rule) const;
  Tested test_protocol(const CompiledRule& rule) const;
  Tested test_match(const CompiledMatch& match);
  Tested test_transport() const;
  Tested test_statistic(uint32_t threshold);
  Tested test_recent(const CompiledMatch& match);
  // Whether the walk goes on.
  bool act(const CompiledRule& rule);
  void end(Verdict verdict, const NatChoice& nat = kNoNat);
  void note(const CompiledChain& chain, uint32_t number);
  Branch& open_branch();

  const Context* context_ = nullptr;
  const WalkPacket* packet_ = nullptr;
  TableName table_ = TableName::kFilter;
  Hook hook_ = Hook::kForward;
  IpAddress::Words source_;
  IndexKey key_;

  Branch current_;
  // Reused from run to run: only the first so many are in use.
  std::vector<Branch> open_;
  size_t open_count_ = 0;
  std::vector<WalkEnd> ends_;
  size_t end_count_ = 0;
  Unknown unknown_;
  size_t unknown_rules_ = 0;  // met so far
};

}  // namespace kubeproof::netfilter
