#include "model/netfilter/save_text/read_target.h"

#include <optional>
#include <string>
#include <utility>

#include "model/netfilter/save_text/number_text.h"

namespace kubeproof::netfilter {
namespace {

using Understood = std::optional<Target>;

Result<Understood> read_reject(const RuleExtension& words, FamilyClue& family) {
  if (words.options.empty()) return Understood(RejectTarget{});
  const RuleOption& option = words.options[0];
  if (words.options.size() != 1 || option.name != "--reject-with" || option.values.size() != 1) {
    return Understood();
  }
  const std::string_view with = option.values[0];
  const bool v6 = with.starts_with("icmp6-");
  const bool v4 = with.starts_with("icmp-");
  if (v4 || v6) {
    auto noted = family.note(v4 ? Family::kIpv4 : Family::kIpv6);
    if (!noted) return tl::unexpected(noted.error());
  }
  if (with != "icmp-port-unreachable" && with != "icmp6-port-unreachable") return Understood();
  return Understood(RejectTarget{});
}

// mark = (mark & ~mask) ^ value
Result<Understood> read_mark(const RuleExtension& words) {
  if (words.options.size() != 1) return Understood();
  const RuleOption& option = words.options[0];
  if (option.values.size() != 1) return Understood();
  const auto masked = parse_masked(option.values[0]);
  if (!masked) {
    return bad_input("expected VALUE or VALUE/MASK after {}, found '{}'", option.name,
                     option.values[0]);
  }
  const auto [value, mask] = *masked;
  if (option.name == "--set-xmark") return Understood(MarkTarget{value, mask});
  if (option.name == "--set-mark") return Understood(MarkTarget{value, value | mask});
  if (option.name == "--or-mark") return Understood(MarkTarget{value, value});
  if (option.name == "--xor-mark") return Understood(MarkTarget{value, 0});
  if (option.name == "--and-mark") return Understood(MarkTarget{0, ~value});
  return Understood();
}

// Only one address with one port is ours.
Result<Understood> read_dnat(const RuleExtension& words, FamilyClue& family) {
  if (words.options.size() != 1) return Understood();
  const RuleOption& option = words.options[0];
  if (option.name != "--to-destination" || option.values.size() != 1) return Understood();
  const auto to = SocketAddress::parse(option.values[0]);
  if (!to) return Understood();
  if (auto noted = family.note(to->address.family()); !noted) return tl::unexpected(noted.error());
  return Understood(DnatTarget{*to});
}

Result<Understood> read_masquerade(const RuleExtension& words) {
  if (words.options.empty()) return Understood(MasqueradeTarget{false});
  const bool fully = words.options.size() == 1 && words.options[0].name == "--random-fully" &&
                     words.options[0].values.empty();
  return fully ? Understood(MasqueradeTarget{true}) : Understood();
}

Result<Understood> understand(const RuleExtension& words, FamilyClue& family) {
  const std::string_view name = words.name;
  if (words.is_goto) return Understood(JumpTarget{std::string(name), true});
  if (name == "REJECT") return read_reject(words, family);
  if (name == "MARK") return read_mark(words);
  if (name == "DNAT") return read_dnat(words, family);
  if (name == "MASQUERADE") return read_masquerade(words);
  if (!words.options.empty()) return Understood();
  if (name == "ACCEPT") return Understood(AcceptTarget{});
  if (name == "DROP") return Understood(DropTarget{});
  if (name == "RETURN") return Understood(ReturnTarget{});
  return Understood(JumpTarget{std::string(name)});
}

}  // namespace

Result<Target> read_target(const RuleExtension& words, FamilyClue& family) {
  auto understood = understand(words, family);
  if (!understood) return tl::unexpected(understood.error());
  if (*understood) return std::move(**understood);
  return UnknownTarget{words.text};
}

}  // namespace kubeproof::netfilter
