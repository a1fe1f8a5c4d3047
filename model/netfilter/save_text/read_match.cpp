#include "model/netfilter/save_text/read_match.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "model/netfilter/save_text/number_text.h"
#include "model/netfilter/save_text/protocol_names.h"

namespace kubeproof::netfilter {
namespace {

// Empty: not understood, to be kept as text.
using Understood = std::optional<std::vector<Match>>;

Understood one(Match match) {
  return std::vector<Match>{std::move(match)};
}

// The only option, where it has this name and one value.
const RuleOption* only_option(const RuleExtension& words, std::string_view name) {
  if (words.options.size() != 1) return nullptr;
  const RuleOption& option = words.options[0];
  return option.name == name && option.values.size() == 1 ? &option : nullptr;
}

tl::unexpected<Error> wrong_value(const RuleOption& option, std::string_view expected) {
  return bad_input("expected {} after {}, found '{}'", expected, option.name, option.values[0]);
}

Result<Understood> read_comment(const RuleExtension& words) {
  const RuleOption* option = only_option(words, "--comment");
  if (option == nullptr || option->negated) return Understood();
  return one(CommentMatch{std::string(option->values[0])});
}

Result<Understood> read_accounting(const RuleExtension& words) {
  const RuleOption* option = only_option(words, "--nfacct-name");
  if (option == nullptr || option->negated) return Understood();
  return one(AccountingMatch{std::string(option->values[0])});
}

// Ranges, negations and the other options of these matches are not ours.
Result<Understood> read_transport(const RuleExtension& words, const Rule& rule) {
  const auto protocol = parse_protocol(words.name);
  const bool of_rule =
      rule.protocol && !rule.protocol->negated && protocol && rule.protocol->value == *protocol;
  if (!of_rule) {
    return bad_input("expected -p {} in a rule with -m {}", words.name, words.name);
  }
  if (words.options.empty()) return one(TransportMatch{});
  const RuleOption* option = only_option(words, "--dport");
  if (option == nullptr) option = only_option(words, "--destination-port");
  if (option == nullptr || option->negated) return Understood();
  const auto port = parse_port(option->values[0]);
  if (!port) return Understood();
  return one(DestinationPortMatch{*port});
}

Result<Understood> read_mark(const RuleExtension& words) {
  const RuleOption* option = only_option(words, "--mark");
  if (option == nullptr) return Understood();
  const auto mark = parse_masked(option->values[0]);
  if (!mark) return wrong_value(*option, "VALUE or VALUE/MASK");
  return one(MarkMatch{mark->first, mark->second, option->negated});
}

std::optional<ConntrackStateBit> state_bit(std::string_view name) {
  static constexpr std::array<std::pair<std::string_view, ConntrackStateBit>, 7> kStates = {{
      {"INVALID", kStateInvalid},
      {"NEW", kStateNew},
      {"ESTABLISHED", kStateEstablished},
      {"RELATED", kStateRelated},
      {"SNAT", kStateSnat},
      {"DNAT", kStateDnat},
      {"UNTRACKED", kStateUntracked},
  }};
  const auto found = std::find_if(kStates.begin(), kStates.end(),
                                  [&](const auto& each) { return each.first == name; });
  if (found == kStates.end()) return std::nullopt;
  return found->second;
}

// `-m state --state` is the old name of the same test.
Result<Understood> read_conntrack(const RuleExtension& words, std::string_view option_name) {
  const RuleOption* option = only_option(words, option_name);
  if (option == nullptr) return Understood();
  ConntrackStateMatch match;
  match.negated = option->negated;
  for (std::string_view rest = option->values[0]; !rest.empty();) {
    const size_t comma = rest.find(',');
    const auto bit = state_bit(rest.substr(0, comma));
    if (!bit) return wrong_value(*option, "states of connections");
    match.states = static_cast<uint8_t>(match.states | *bit);
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  return one(match);
}

Result<Understood> read_address_type(const RuleExtension& words) {
  std::vector<Match> matches;
  for (const RuleOption& option : words.options) {
    const bool source = option.name == "--src-type";
    if (!source && option.name != "--dst-type") return Understood();
    if (option.values.size() != 1 || option.values[0] != "LOCAL") return Understood();
    matches.emplace_back(LocalAddressMatch{source, option.negated});
  }
  if (matches.empty()) return Understood();
  return Understood(std::move(matches));
}

Result<Understood> read_bridge_port(const RuleExtension& words) {
  if (words.options.size() != 1 || words.options[0].name != "--physdev-is-in" ||
      !words.options[0].values.empty()) {
    return Understood();
  }
  return one(BridgePortMatch{words.options[0].negated});
}

Result<Understood> read_statistic(const RuleExtension& words) {
  if (words.options.size() != 2) return Understood();
  const RuleOption& mode = words.options[0];
  const RuleOption& probability = words.options[1];
  const bool ours = mode.name == "--mode" && !mode.negated && mode.values.size() == 1 &&
                    mode.values[0] == "random" && probability.name == "--probability" &&
                    !probability.negated && probability.values.size() == 1;
  if (!ours) return Understood();
  double value = 0;
  const std::string_view text = probability.values[0];
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stopped != end || value < 0 || value > 1) {
    return wrong_value(probability, "a number from 0 to 1");
  }
  return one(StatisticMatch{static_cast<uint32_t>(std::lround(value * kStatisticScale))});
}

Result<Understood> read_recent(const RuleExtension& words, FamilyClue& family) {
  RecentMatch match{.list = "DEFAULT"};
  bool has_mode = false;
  for (const RuleOption& option : words.options) {
    if (option.negated) return Understood();
    const std::string_view value = option.values.size() == 1 ? option.values[0] : "";
    if (option.name == "--set" || option.name == "--rcheck") {
      if (has_mode) return bad_input("expected one of --set and --rcheck");
      has_mode = true;
      match.mode = option.name == "--set" ? RecentMatch::Mode::kSet : RecentMatch::Mode::kRecheck;
    } else if (option.name == "--name" && !value.empty()) {
      match.list = value;
    } else if (option.name == "--seconds" && !value.empty()) {
      const auto seconds = parse_number(value);
      if (!seconds) return wrong_value(option, "a number of seconds");
      match.seconds = *seconds;
    } else if (option.name == "--reap") {
      match.reap = true;
    } else if (option.name == "--mask") {
      const auto mask = IpAddress::parse(value);
      if (!mask) return bad_input("expected an address after --mask, found '{}'", value);
      if (auto noted = family.note(mask->family()); !noted) return tl::unexpected(noted.error());
      const bool whole = std::all_of(mask->bytes().begin(), mask->bytes().end(),
                                     [](uint8_t byte) { return byte == 0xff; });
      if (!whole) return Understood();
    } else if (option.name != "--rsource") {
      return Understood();
    }
  }
  if (!has_mode) return Understood();
  return one(match);
}

Result<Understood> understand(const RuleExtension& words, FamilyClue& family, const Rule& rule) {
  const std::string_view name = words.name;
  if (name == "comment") return read_comment(words);
  if (name == "tcp" || name == "udp" || name == "sctp") return read_transport(words, rule);
  if (name == "mark") return read_mark(words);
  if (name == "conntrack") return read_conntrack(words, "--ctstate");
  if (name == "state") return read_conntrack(words, "--state");
  if (name == "addrtype") return read_address_type(words);
  if (name == "physdev") return read_bridge_port(words);
  if (name == "statistic") return read_statistic(words);
  if (name == "recent") return read_recent(words, family);
  if (name == "nfacct") return read_accounting(words);
  return Understood();
}

}  // namespace

Result<void> read_match(const RuleExtension& words, FamilyClue& family, Rule& rule) {
  auto understood = understand(words, family, rule);
  if (!understood) return tl::unexpected(understood.error());
  if (*understood) {
    for (Match& match : **understood) rule.matches.push_back(std::move(match));
  } else {
    rule.matches.emplace_back(
        UnknownMatch{words.implied ? fmt::format("-m {} {}", words.name, words.text) : words.text});
  }
  return {};
}

}  // namespace kubeproof::netfilter
