// Any rules, as text, read again: the same rules.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "model/netfilter/rules_text.h"
#include "model/netfilter/save_text/parse_save_text.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {
namespace {

using rc::Gen;
namespace gen = rc::gen;

Gen<IpAddress> any_address(Family family) {
  return gen::map(gen::container<std::vector<uint8_t>>(16, gen::arbitrary<uint8_t>()),
                  [family](std::vector<uint8_t> bytes) {
                    return family == Family::kIpv4
                               ? IpAddress::v4(std::span<const uint8_t, 4>(bytes.data(), 4))
                               : IpAddress::v6(std::span<const uint8_t, 16>(bytes.data(), 16));
                  });
}

Gen<Negatable<Cidr>> any_prefix(Family family) {
  const int longest = family == Family::kIpv4 ? 32 : 128;
  return gen::apply(
      [](const IpAddress& address, int length, bool negated) {
        return Negatable<Cidr>{Cidr(address, static_cast<uint8_t>(length)), negated};
      },
      any_address(family), gen::inRange(1, longest + 1), gen::arbitrary<bool>());
}

Gen<std::string> any_word() {
  return gen::nonEmpty(
      gen::container<std::string>(gen::elementOf(std::string("abcxyzABCXYZ0123456789-_.:/"))));
}

// Not at the start of an option: names never begin with a dash.
Gen<std::string> any_name() {
  return gen::map(any_word(), [](const std::string& word) { return "n" + word; });
}

Gen<std::string> any_comment() {
  return gen::container<std::string>(gen::inRange<char>(' ', '\x7f'));
}

Gen<Negatable<InterfacePattern>> any_interface() {
  return gen::apply(
      [](const std::string& name, bool prefix, bool negated) {
        return Negatable<InterfacePattern>{{name, prefix}, negated};
      },
      any_name(), gen::arbitrary<bool>(), gen::arbitrary<bool>());
}

template <class T>
Gen<std::optional<T>> maybe(Gen<T> of) {
  return gen::oneOf(gen::just(std::optional<T>()),
                    gen::map(std::move(of), [](T value) { return std::optional<T>(value); }));
}

Gen<Match> any_match(bool has_ports) {
  const auto flag = gen::arbitrary<bool>();
  const auto number = gen::arbitrary<uint32_t>();
  std::vector<Gen<Match>> kinds = {
      gen::map(any_comment(), [](std::string text) { return Match(CommentMatch{text}); }),
      gen::apply(
          [](uint32_t v, uint32_t m, bool n) {
            return Match(MarkMatch{v, m, n});
          },
          number, number, flag),
      gen::apply(
          [](int states, bool n) {
            return Match(ConntrackStateMatch{static_cast<uint8_t>(states), n});
          },
          gen::inRange(1, 128), flag),
      gen::apply(
          [](bool s, bool n) {
            return Match(LocalAddressMatch{s, n});
          },
          flag, flag),
      gen::map(gen::inRange<uint32_t>(0, 0x80000001U),
               [](uint32_t threshold) { return Match(StatisticMatch{threshold}); }),
      gen::map(any_name(),
               [](const std::string& name) {
                 return Match(RecentMatch{name, RecentMatch::Mode::kSet, 0, false});
               }),
      gen::apply(
          [](const std::string& name, uint32_t seconds, bool reap) {
            return Match(RecentMatch{name, RecentMatch::Mode::kRecheck, seconds, reap});
          },
          any_name(), number, flag),
      gen::map(any_name(), [](const std::string& name) { return Match(AccountingMatch{name}); }),
      gen::map(flag, [](bool n) { return Match(BridgePortMatch{n}); }),
      gen::element(Match(UnknownMatch{"-m physdev ! --physdev-in eth0"}),
                   Match(UnknownMatch{"-m string --string \"-j a \\\" b\" --algo bm"}),
                   Match(UnknownMatch{"-m limit --limit 5/min"})),
  };
  if (has_ports) {
    kinds.push_back(gen::just(Match(TransportMatch{})));
    kinds.push_back(gen::map(gen::arbitrary<uint16_t>(),
                             [](uint16_t port) { return Match(DestinationPortMatch{port}); }));
  }
  return gen::mapcat(gen::inRange<size_t>(0, kinds.size()),
                     [kinds](size_t kind) { return kinds[kind]; });
}

Gen<Target> any_target(Family family) {
  const auto number = gen::arbitrary<uint32_t>();
  return gen::oneOf(
      gen::element(Target(NoTarget{}), Target(AcceptTarget{}), Target(DropTarget{}),
                   Target(ReturnTarget{}), Target(RejectTarget{}), Target(JumpTarget{"D"}),
                   Target(JumpTarget{"D", true}), Target(MasqueradeTarget{true}),
                   Target(MasqueradeTarget{false}), Target(UnknownTarget{"-j NOTRACK"}),
                   Target(UnknownTarget{"-j LOG --log-prefix \"-x \""})),
      gen::apply(
          [](uint32_t value, uint32_t mask) {
            return Target(MarkTarget{value, mask});
          },
          number, number),
      gen::apply(
          [](const IpAddress& address, uint16_t port) {
            return Target(DnatTarget{SocketAddress{address, port}});
          },
          any_address(family), gen::arbitrary<uint16_t>()));
}

Gen<Rule> any_rule(Family family) {
  return gen::mapcat(
      maybe(gen::element<uint8_t>(kTcp, kUdp, kSctp, kIcmp, 47)),
      [family](std::optional<uint8_t> protocol) {
        const bool ports = protocol && *protocol != kIcmp && *protocol != 47;
        return gen::apply(
            [protocol](auto source, auto destination, auto in, auto out, std::vector<Match> matches,
                       const Target& target) {
              Rule rule{source, destination, in, out, {}, std::move(matches), target};
              if (protocol) rule.protocol = {*protocol, false};
              return rule;
            },
            maybe(any_prefix(family)), maybe(any_prefix(family)), maybe(any_interface()),
            maybe(any_interface()), gen::container<std::vector<Match>>(any_match(ports)),
            any_target(family));
      });
}

void comes_back(Family family) {
  Ruleset rules{family, {Table::with_builtin_chains(TableName::kFilter)}};
  // Tells the family where no rule does.
  Rule witness;
  witness.source = {Cidr::host(IpAddress::unspecified(family)), false};
  rules.tables[0].find("INPUT")->rules = {witness};
  rules.tables[0].chain("C").rules = *gen::container<std::vector<Rule>>(any_rule(family));
  rules.tables[0].chain("D");
  const SaveText text{"text", to_text(rules)};
  const auto parsed = parse_save_texts({&text, 1});
  if (!parsed) RC_FAIL(parsed.error().message + "\n" + text.text);
  RC_ASSERT(parsed->size() == 1U);
  if (parsed->at(0) != rules) RC_FAIL(text.text + "\nbecame\n" + to_text(parsed->at(0)));
}

RC_GTEST_PROP(SaveTextProperty, AnyIpv4RulesComeBack, ()) {
  comes_back(Family::kIpv4);
}

RC_GTEST_PROP(SaveTextProperty, AnyIpv6RulesComeBack, ()) {
  comes_back(Family::kIpv6);
}

}  // namespace
}  // namespace kubeproof::netfilter
