#include "model/netfilter/save_text/read_rule.h"

#include <fmt/format.h>

#include <bit>
#include <optional>
#include <utility>

#include "model/netfilter/save_text/number_text.h"
#include "model/netfilter/save_text/protocol_names.h"
#include "model/netfilter/save_text/read_match.h"
#include "model/netfilter/save_text/read_target.h"
#include "model/netfilter/save_text/rule_words.h"

namespace kubeproof::netfilter {
namespace {

// How many bits a mask like 255.255.0.0 has; none where they do not stand together at its front.
std::optional<uint8_t> prefix_length(const IpAddress& mask) {
  uint8_t length = 0;
  bool ended = false;
  for (const uint8_t byte : mask.bytes()) {
    const int ones = std::countl_one(byte);
    if ((ended && byte != 0) || static_cast<uint8_t>(byte << ones) != 0) return std::nullopt;
    ended = ones < 8;
    length = static_cast<uint8_t>(length + ones);
  }
  return length;
}

// The prefix; none where it has a mask that is no prefix's.
Result<std::optional<Cidr>> read_prefix(std::string_view text) {
  const size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return bad_input("expected an address or a prefix, found '{}'", text);
  if (slash == std::string_view::npos) return Cidr::host(*address);
  const std::string_view rest = text.substr(slash + 1);
  if (const auto mask = IpAddress::parse(rest); mask && mask->family() == address->family()) {
    const auto length = prefix_length(*mask);
    if (!length) return std::nullopt;
    return Cidr(*address, *length);
  }
  const auto length = parse_number(rest);
  if (!length || *length > address->bytes().size() * 8) {
    return bad_input("expected an address or a prefix, found '{}'", text);
  }
  return Cidr(*address, static_cast<uint8_t>(*length));
}

InterfacePattern read_interface(std::string_view text) {
  InterfacePattern pattern{std::string(text)};
  pattern.is_prefix = text.ends_with('+');
  if (pattern.is_prefix) pattern.name.pop_back();
  return pattern;
}

class HeadReader {
 public:
  HeadReader(FamilyClue& family, Rule& rule) : family_(family), rule_(rule) {}

  Result<void> read(const RuleOption& option) {
    if (option.name == "-s") return read_address(option, rule_.source);
    if (option.name == "-d") return read_address(option, rule_.destination);
    if (option.name == "-i") {
      rule_.in_interface = {read_interface(option.values[0]), option.negated};
    } else if (option.name == "-o") {
      rule_.out_interface = {read_interface(option.values[0]), option.negated};
    } else if (option.name == "-p") {
      const auto protocol = parse_protocol(option.values[0]);
      if (!protocol) return bad_input("expected a protocol, found '{}'", option.values[0]);
      if (*protocol != 0 || option.negated) rule_.protocol = {*protocol, option.negated};
    } else {
      keep(option);
    }
    return {};
  }

 private:
  Result<void> read_address(const RuleOption& option, std::optional<Negatable<Cidr>>& to) {
    const auto prefix = read_prefix(option.values[0]);
    if (!prefix) return tl::unexpected(prefix.error());
    if (!*prefix) {
      keep(option);
      return {};
    }
    if (auto noted = family_.note((*prefix)->family()); !noted) return noted;
    // Without a negation, 0.0.0.0/0 is the same as nothing.
    if ((*prefix)->prefix_length() != 0 || option.negated) to = {**prefix, option.negated};
    return {};
  }

  // -f, and masks that are no prefixes: tests that are not among ours.
  void keep(const RuleOption& option) {
    std::string text = fmt::format("{}{}", option.negated ? "! " : "", option.name);
    for (const std::string_view value : option.values) text += fmt::format(" {}", value);
    rule_.matches.emplace_back(UnknownMatch{std::move(text)});
  }

  FamilyClue& family_;
  Rule& rule_;
};

}  // namespace

Result<ChainedRule> read_rule(const std::vector<LineWord>& words, FamilyClue& family) {
  const auto parts = split_rule(words);
  if (!parts) return tl::unexpected(parts.error());
  ChainedRule read;
  read.chain = parts->chain;
  HeadReader head(family, read.rule);
  for (const RuleOption& option : parts->head) {
    if (auto done = head.read(option); !done) return tl::unexpected(done.error());
  }
  for (const RuleExtension& match : parts->matches) {
    if (auto done = read_match(match, family, read.rule); !done) {
      return tl::unexpected(done.error());
    }
  }
  if (parts->target) {
    auto target = read_target(*parts->target, family);
    if (!target) return tl::unexpected(target.error());
    read.rule.target = *std::move(target);
  }
  return read;
}

}  // namespace kubeproof::netfilter
