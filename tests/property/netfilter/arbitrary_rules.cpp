#include "tests/property/netfilter/arbitrary_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "model/packet/packet_builder.h"

namespace kubeproof::netfilter {
namespace {

constexpr int kUserChains = 4;
constexpr int kMostRules = 20;

// RapidCheck starts with small sizes, at which inRange() gives only its minimum. What is made here
// is not shrunk either: rule sets shrink by losing rules.
template <class Make>
auto whole(Make make) {
  return rc::gen::noShrink(rc::gen::resize(rc::kNominalSize, rc::gen::exec(make)));
}

template <class T>
T pick(std::initializer_list<T> from) {
  return *rc::gen::elementOf(std::vector<T>(from));
}

bool chance(int percent) {
  return *rc::gen::inRange(0, 100) < percent;
}

std::string address() {
  return fmt::format("10.0.0.{}", *rc::gen::inRange(1, 5));
}

uint16_t port() {
  return static_cast<uint16_t>(*rc::gen::inRange(80, 84));
}

std::string list() {
  return pick<const char*>({"A", "B", "C"});
}

// Mostly exact, as kube-proxy's are.
Negatable<Cidr> prefix() {
  const int length = chance(75) ? 32 : pick({0, 30, 31});
  return {Cidr(IpAddress::parse(address()).value(), static_cast<uint8_t>(length)), chance(10)};
}

Match match() {
  switch (*rc::gen::inRange(0, 8)) {
    case 0:
      return MarkMatch{pick<uint32_t>({0, 1}), 1, chance(30)};
    case 1:
      return ConntrackStateMatch{pick<uint8_t>({kStateNew, kStateEstablished}), chance(30)};
    case 2:
      return LocalAddressMatch{chance(50), chance(30)};
    case 3:
      return StatisticMatch{pick<uint32_t>({0, 1U << 30, 1U << 29, 1U << 31})};
    case 4:
      return RecentMatch{list(), RecentMatch::Mode::kSet, 0, false};
    case 5:
      return RecentMatch{list(), RecentMatch::Mode::kRecheck, pick<uint32_t>({5, 50}), chance(50)};
    case 6:
      return chance(10) ? Match(UnknownMatch{"-m limit"}) : Match(CommentMatch{"c"});
    default:
      return CommentMatch{"c"};
  }
}

Target target(int chain) {
  switch (*rc::gen::inRange(0, 10)) {
    case 0:
      return AcceptTarget{};
    case 1:
      return DropTarget{};
    case 2:
      return RejectTarget{};
    case 3:
      return ReturnTarget{};
    case 4:
      return MarkTarget{1, pick<uint32_t>({0, 1})};
    case 5:
    case 6:
    case 7:
      if (chain + 1 == kUserChains) return NoTarget{};
      return JumpTarget{fmt::format("U{}", *rc::gen::inRange(chain + 1, kUserChains))};
    default:
      return NoTarget{};
  }
}

// A rule of user chain `chain`, or with -1 of FORWARD.
Rule rule(int chain) {
  Rule rule;
  if (chance(60)) rule.destination = prefix();
  if (chance(10)) rule.source = prefix();
  if (chance(5)) rule.in_interface = {{pick<const char*>({"pod1", "eth0"}), false}, chance(50)};
  if (chance(80)) {
    rule.protocol = {pick<uint8_t>({kTcp, kUdp}), false};
    if (chance(80)) rule.matches.emplace_back(DestinationPortMatch{port()});
  } else if (chance(30)) {
    rule.protocol = {pick<uint8_t>({kTcp, kIcmp}), chance(50)};
  }
  while (chance(30)) {
    // Before or behind the port.
    const auto at = chance(50) ? rule.matches.begin() : rule.matches.end();
    rule.matches.insert(at, match());
  }
  rule.target = target(chain);
  return rule;
}

rc::Gen<std::vector<Rule>> rules(int chain) {
  return rc::gen::resize(
      kMostRules, rc::gen::container<std::vector<Rule>>(whole([chain] { return rule(chain); })));
}

// Jumps and lots make the ways through the rules grow exponentially, so rules lose those that would
// make too many. Chains are to be given from the last to the first, since each jumps only to later
// ones.
class Tamer {
 public:
  void tame(std::vector<Rule>& rules, int chain) {
    Cost cost;
    for (Rule& rule : rules) {
      cost.add({1, 1});
      std::erase_if(rule.matches, [&](const Match& match) {
        return std::holds_alternative<StatisticMatch>(match) && !take(cost, {2, 0});
      });
      const auto* jump = std::get_if<JumpTarget>(&rule.target);
      if (jump != nullptr && !take(cost, costs_[static_cast<size_t>(jump->chain[1] - '0')])) {
        rule.target = NoTarget{};
      }
    }
    if (chain >= 0) costs_[static_cast<size_t>(chain)] = cost;
  }

 private:
  // Of a walk through a chain at most: the ends that it may come to, the rules that it tests.
  struct Cost {
    size_t ends = 1;
    size_t tests = 0;

    void add(const Cost& more) {
      ends *= more.ends;
      tests += more.tests;
    }
  };

  static bool take(Cost& cost, const Cost& more) {
    constexpr size_t kMostEnds = 32;
    constexpr size_t kMostTests = 500;
    if (cost.ends * more.ends > kMostEnds || cost.tests + more.tests > kMostTests) return false;
    cost.add(more);
    return true;
  }

  std::array<Cost, kUserChains> costs_;
};

}  // namespace

rc::Gen<Ruleset> arbitrary_filter() {
  return rc::gen::exec([] {
    Ruleset ruleset;
    ruleset.tables = {Table::with_builtin_chains(TableName::kFilter)};
    Table& table = ruleset.tables[0];
    Tamer tamer;
    for (int i = kUserChains - 1; i >= 0; --i) {
      auto& made = table.chain(fmt::format("U{}", i)).rules = *rules(i);
      tamer.tame(made, i);
    }
    Chain& forward = *table.find("FORWARD");
    forward.rules = *rules(-1);
    tamer.tame(forward.rules, -1);
    forward.policy = *rc::gen::element(Policy::kAccept, Policy::kDrop);
    return ruleset;
  });
}

rc::Gen<Bytes> arbitrary_packet() {
  return whole([] {
    const SocketAddress from{IpAddress::parse(address()).value(), 4000};
    const SocketAddress to{IpAddress::parse(address()).value(), port()};
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
        return PacketBuilder::icmp_echo(from.address, to.address, port()).build();
      case 1:
        return PacketBuilder::ip(from.address, to.address, pick<uint8_t>({kTcp, kUdp, 50}))
            .payload("1234")
            .build();
      case 2:
        return PacketBuilder::udp(from, to).payload_size(64).build_fragments(32)[chance(50)];
      case 3:
      case 4:
        return PacketBuilder::udp(from, to).build();
      default:
        return PacketBuilder::tcp(from, to).syn().build();
    }
  });
}

}  // namespace kubeproof::netfilter
