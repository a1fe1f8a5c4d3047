#include <array>

#include "replay/explore/draw_options.h"
#include "replay/explore/generate_traffic.h"

namespace kubeproof::explore {
namespace {

constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kRst = 0x04;
constexpr uint8_t kPsh = 0x08;
constexpr uint8_t kAck = 0x10;

// Of ICMP.
constexpr uint8_t kUnreachable = 3;
constexpr uint8_t kSourceQuench = 4;
constexpr uint8_t kRedirect = 5;
constexpr uint8_t kTimeExceeded = 11;
constexpr uint8_t kParameterProblem = 12;

struct TcpMove {
  Actor actor;
  uint8_t flags;
  uint16_t payload;
};

// A conversation as it should be.
constexpr std::array kConversation = {
    TcpMove{Actor::kClient, kSyn, 0},        TcpMove{Actor::kServer, kSyn | kAck, 0},
    TcpMove{Actor::kClient, kAck, 0},        TcpMove{Actor::kClient, kPsh | kAck, 20},
    TcpMove{Actor::kServer, kAck, 0},        TcpMove{Actor::kServer, kPsh | kAck, 40},
    TcpMove{Actor::kClient, kAck, 0},        TcpMove{Actor::kClient, kFin | kAck, 0},
    TcpMove{Actor::kServer, kFin | kAck, 0}, TcpMove{Actor::kClient, kAck, 0},
};

struct SctpMove {
  Actor actor;
  uint8_t chunk;
};

// INIT and COOKIE both ways, DATA both ways, SHUTDOWN.
constexpr std::array kAssociation = {
    SctpMove{Actor::kClient, 1},  SctpMove{Actor::kServer, 2}, SctpMove{Actor::kClient, 10},
    SctpMove{Actor::kServer, 11}, SctpMove{Actor::kClient, 0}, SctpMove{Actor::kServer, 0},
    SctpMove{Actor::kClient, 7},  SctpMove{Actor::kServer, 8}, SctpMove{Actor::kClient, 14},
};

// The last of the states in which rules look back further for affinities than in the one before; 0
// where there is none.
size_t last_raise(const std::vector<Cluster>& clusters) {
  size_t last = 0;
  for (size_t state = 1; state < clusters.size(); ++state) {
    for (const auto& [key, service] : clusters[state].services) {
      const auto before = clusters[state - 1].services.find(key);
      if (before == clusters[state - 1].services.end()) continue;
      const bool kept = service.client_ip_affinity && before->second.client_ip_affinity;
      if (kept && service.affinity_timeout_seconds > before->second.affinity_timeout_seconds) {
        last = state;
      }
    }
  }
  return last;
}

constexpr unsigned kDamaged = 12;  // of a hundred packets
constexpr unsigned kWithOptions = 6;

class StepGenerator {
 public:
  StepGenerator(Random& random, const Scenario& scenario, const TrafficKinds& kinds)
      : random_(random),
        scenario_(scenario),
        kinds_(kinds),
        stages_(scenario.flows.size()),
        begun_(scenario.flows.size()),
        last_raise_(last_raise(scenario.clusters)),
        damage_(scenario.seed ^ 0x3),
        options_(scenario.seed ^ 0x6),
        cuts_(scenario.seed ^ 0xc) {}

  Step generate() {
    const size_t kind = random_.below(100);
    if (kind < 2 && cluster_ + 1 < scenario_.clusters.size()) return ChangeStep{++cluster_};
    // What is too old for a timeout is gone from a kernel that is aged from outside
    // (recent_lists.h), where rules that look back further would find it.
    if (kind == 2 && kinds_.time && cluster_ >= last_raise_) return pause();
    // A few flows at a time.
    if (random_.percent(25)) change_flow();
    if (kind >= 4 && kind < 10 && kinds_.icmp_errors && begun_[flow_]) return error();
    begun_[flow_] = true;
    return packet();
  }

 private:
  const FlowPlan& flow() const { return scenario_.flows[flow_]; }
  bool is_v4() const { return flow().to.address.is_v4(); }

  // Mostly to one whose packets are marked alike: another mark is slow.
  void change_flow() {
    constexpr int kAttempts = 10;
    const uint32_t mark = flow().mark;
    flow_ = random_.below(scenario_.flows.size());
    for (int i = 0; i < kAttempts && flow().mark != mark; ++i) {
      flow_ = random_.below(scenario_.flows.size());
    }
  }

  // Far beyond some timeouts and far from others: what a flow is worth to the kernel after some
  // seconds of virtual time hangs on real time, too (nf_conntrack_proto_udp.c).
  AdvanceStep pause() {
    return {std::chrono::seconds(random_.pick({100, 101, 200, 200, 4000, 10800, 90000}))};
  }

  PacketStep packet() {
    PacketStep step;
    step.flow = flow_;
    step.shape = shape();
    if (step.shape.fragment_size != 0 && cuts_.percent(40)) {
      step.shape.payload = 200;
      // Else it is lost to eBPF, as the ledger knows, and with it what it says to its flow.
      step.shape.fragments_reversed &= is_v4();
      step.shape.first_share =
          cuts_.pick({uint16_t{8}, uint16_t{8}, uint16_t{16}, uint16_t{24}, uint16_t{32}});
    }
    switch (flow().protocol) {
      case kTcp:
        tcp(step);
        break;
      case kSctp:
        sctp(step);
        break;
      default:
        step.actor = random_.percent(60) ? Actor::kClient : Actor::kServer;
    }
    step.repeated = random_.percent(8);
    step.shape.damage = damage();
    if (kinds_.options && options_.percent(kWithOptions)) {
      step.shape.drawn_options = draw_options(options_, flow().to.address.family());
    }
    // A fragment that is none any more leaves a datagram that is never whole: an oddity.
    if (step.shape.fragment_size != 0 && !kinds_.oddities) step.shape.damage = {};
    return step;
  }

  Damage damage() {
    Damage damage;
    if (!kinds_.damage || !damage_.percent(kDamaged)) return damage;
    damage.changes.resize(damage_.pick({1, 1, 1, 2, 3}));
    for (uint32_t& change : damage.changes) change = static_cast<uint32_t>(damage_.next());
    damage.repair = damage_.pick({Repair::kNone, Repair::kHeader, Repair::kHeader, Repair::kAll,
                                  Repair::kAll, Repair::kAll});
    return damage;
  }

  void tcp(PacketStep& step) {
    if (!kinds_.out_of_place || random_.percent(80)) {
      const TcpMove& move = kConversation[stages_[flow_]++ % kConversation.size()];
      step.actor = move.actor;
      step.tcp_flags = move.flags;
      step.shape.payload = move.payload;
      return;
    }
    step.actor = random_.percent(50) ? Actor::kClient : Actor::kServer;
    step.tcp_flags = random_.pick({kSyn, kRst, kAck, uint8_t{kSyn | kAck}, uint8_t{kRst | kAck},
                                   uint8_t{kFin | kAck}, uint8_t{kPsh | kAck}, kFin, uint8_t{0}});
    if (random_.percent(10)) {
      step.sequence_offset = random_.pick({-1, 1, -70000, 70000, 1 << 30});
    }
  }

  void sctp(PacketStep& step) {
    if (!kinds_.out_of_place || random_.percent(80)) {
      const size_t stage = stages_[flow_]++ % kAssociation.size();
      const SctpMove& move = kAssociation[stage];
      step.actor = move.actor;
      const bool server_ends = flow_ % 2 == 1 && stage + 3 >= kAssociation.size();
      if (server_ends) {
        step.actor = move.actor == Actor::kClient ? Actor::kServer : Actor::kClient;
      }
      step.sctp_chunk = move.chunk;
      return;
    }
    step.actor = random_.percent(50) ? Actor::kClient : Actor::kServer;
    step.sctp_chunk = static_cast<uint8_t>(random_.below(16));
    if (random_.percent(20)) step.sequence_offset = random_.pick({-1, 1, 1 << 30});
  }

  PacketShape shape() {
    PacketShape shape;
    if (random_.percent(75)) return shape;
    if (random_.percent(20)) shape.ttl = random_.pick({uint8_t{1}, uint8_t{2}, uint8_t{255}});
    if (random_.percent(20))
      shape.tos = random_.pick({uint8_t{0x01}, uint8_t{0xb8}, uint8_t{0xff}});
    if (random_.percent(30)) shape.dont_fragment = false;
    if (random_.percent(30)) shape.identification = random_.pick({uint16_t{0}, uint16_t{0xffff}});
    if (random_.percent(30)) {
      shape.payload =
          random_.pick({uint16_t{0}, uint16_t{1}, uint16_t{1000}, uint16_t{1473}, uint16_t{2500}});
    }
    if (kinds_.defects && random_.percent(8)) {
      shape.defect = random_.pick({Defect::kBadTransportChecksum, Defect::kBadHeaderChecksum,
                                   Defect::kNoChecksum, Defect::kNoChecksum});
    }
    if (kinds_.options && random_.percent(8)) {
      shape.options = random_.pick({Options::kPadding, Options::kPadding, Options::kRouterAlert,
                                    Options::kUnknown, Options::kBroken});
    }
    if (kinds_.cut && random_.percent(6)) {
      shape.cut_to = static_cast<uint8_t>(random_.between(1, 30));
      shape.cut_silently = random_.percent(20);
    }
    if (kinds_.fragments && random_.percent(20)) {
      shape.payload = random_.pick({uint16_t{200}, uint16_t{3000}});
      shape.dont_fragment = false;
      shape.fragment_size = random_.pick({uint16_t{64}, uint16_t{1480}});
      shape.fragments_reversed = random_.percent(30);
      if (kinds_.oddities && random_.percent(20)) {
        shape.fragment_fault = random_.pick({FragmentFault::kOneMissing, FragmentFault::kOneTwice});
      }
    }
    return shape;
  }

  ErrorStep error() {
    ErrorStep step;
    step.flow = flow_;
    step.about = random_.percent(70) ? Actor::kClient : Actor::kServer;
    if (is_v4()) {
      step.type = random_.pick(
          {kUnreachable, kUnreachable, kTimeExceeded, kParameterProblem, kSourceQuench, kRedirect});
      if (step.type == kUnreachable) step.code = static_cast<uint8_t>(random_.below(16));
      if (step.type == kRedirect) step.code = static_cast<uint8_t>(random_.below(4));
      if (step.type == kUnreachable && step.code == 4) step.info = 1400;
    } else {
      step.type = static_cast<uint8_t>(random_.between(1, 4));
      if (step.type == 1) step.code = static_cast<uint8_t>(random_.below(8));
      if (step.type == 2) step.info = 1400;
    }
    // As little as RFC 792 asks for, a whole TCP header, all of it, and less than it takes.
    const uint16_t header = is_v4() ? 20 : 40;
    step.quoted = random_.pick(
        {static_cast<uint16_t>(header + 8), static_cast<uint16_t>(header + 28), uint16_t{548}});
    if (kinds_.cut && random_.percent(10)) {
      step.quoted = static_cast<uint16_t>(random_.below(header + size_t{8}));
    }
    step.from_router = random_.percent(50);
    // A redirect that its last fragment completes looks like the stack's own (stack_chatter.h).
    if (kinds_.fragments && step.type != kRedirect && cuts_.percent(20)) {
      step.first_share =
          cuts_.pick({uint16_t{8}, uint16_t{16}, uint16_t{32}, uint16_t{40}, uint16_t{64}});
    }
    step.damage = damage();
    return step;
  }

  Random& random_;
  const Scenario& scenario_;
  const TrafficKinds& kinds_;
  std::vector<size_t> stages_;  // of each TCP flow's conversation
  std::vector<bool> begun_;
  const size_t last_raise_;
  // By choices of their own, so that no other choice depends on them.
  Random damage_;
  Random options_;
  Random cuts_;
  size_t flow_ = 0;
  size_t cluster_ = 0;
};

}  // namespace

std::vector<Step> generate_steps(Random& random, const Scenario& scenario, size_t count,
                                 const TrafficKinds& kinds) {
  StepGenerator generator(random, scenario, kinds);
  std::vector<Step> steps;
  steps.reserve(count);
  while (steps.size() < count) steps.push_back(generator.generate());
  return steps;
}

}  // namespace kubeproof::explore
