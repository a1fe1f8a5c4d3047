#include "model/netfilter/compiled_rules.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

namespace kubeproof::netfilter {
namespace {

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

PrefixTest prefix_test(const Cidr& prefix) {
  std::array<uint8_t, 16> mask{};
  for (uint8_t bit = 0; bit < prefix.prefix_length(); ++bit) {
    mask[bit / 8] = static_cast<uint8_t>(mask[bit / 8] | 0x80 >> bit % 8);
  }
  PrefixTest test;
  test.base = prefix.base().words();
  std::memcpy(&test.mask.high, mask.data(), 8);
  std::memcpy(&test.mask.low, mask.data() + 8, 8);
  return test;
}

bool is_host(const Cidr& prefix) {
  return prefix.prefix_length() == (prefix.family() == Family::kIpv4 ? 32 : 128);
}

// Evaluating it changes or may change something, so that what stands after it in a rule may not be
// tested first.
bool has_side_effect(const Match& match) {
  return std::holds_alternative<RecentMatch>(match) || std::holds_alternative<UnknownMatch>(match);
}

// Targets that tell somebody of the packet and let it go on as it is.
bool only_tells(const UnknownTarget& target) {
  constexpr std::array<std::string_view, 6> kTelling = {"AUDIT", "CLASSIFY", "LOG",
                                                        "NFLOG", "TRACE",    "ULOG"};
  std::string_view text = target.text;
  if (!text.starts_with("-j ")) return false;
  text = text.substr(3);
  text = text.substr(0, text.find(' '));
  return std::find(kTelling.begin(), kTelling.end(), text) != kTelling.end();
}

// It leaves nothing behind, whether it matches or not.
bool is_idle(const Rule& rule) {
  const auto* unknown = std::get_if<UnknownTarget>(&rule.target);
  const bool goes_on =
      std::holds_alternative<NoTarget>(rule.target) || (unknown != nullptr && only_tells(*unknown));
  return goes_on && std::none_of(rule.matches.begin(), rule.matches.end(), has_side_effect);
}

// The list of a match of module `recent` that is not understood.
std::optional<std::string_view> list_of_unknown(const Match& match) {
  const auto* unknown = std::get_if<UnknownMatch>(&match);
  if (unknown == nullptr || !unknown->text.starts_with("-m recent ")) return std::nullopt;
  constexpr std::string_view kName = " --name ";
  const std::string_view text = unknown->text;
  const size_t at = text.find(kName);
  if (at == std::string_view::npos) return "DEFAULT";
  const std::string_view rest = text.substr(at + kName.size());
  return rest.substr(0, rest.find(' '));
}

IndexKey index_key(const Rule& rule) {
  IndexKey key;
  if (rule.destination && !rule.destination->negated && is_host(rule.destination->value)) {
    key.parts |= IndexKey::kDestination;
    key.destination = rule.destination->value.base().words();
  }
  if (rule.protocol && !rule.protocol->negated) {
    key.parts |= IndexKey::kProtocol;
    key.protocol = rule.protocol->value;
  }
  for (const Match& match : rule.matches) {
    if (has_side_effect(match)) break;
    if (const auto* port = std::get_if<DestinationPortMatch>(&match)) {
      key.parts |= IndexKey::kPort;
      key.port = port->port;
      break;
    }
  }
  return key;
}

std::optional<Hook> hook_of(std::string_view chain) {
  for (size_t i = 0; i < kHookCount; ++i) {
    const auto hook = static_cast<Hook>(i);
    if (to_string(hook) == chain) return hook;
  }
  return std::nullopt;
}

}  // namespace

class Compiler {
 public:
  Compiler(CompiledRules& to, ListNames& lists) : to_(to), lists_(lists) {}

  // Before any table is added.
  void note_unknown_lists(const Table& table) {
    for (const Chain& chain : table.chains) {
      for (const Rule& rule : chain.rules) {
        for (const Match& match : rule.matches) {
          if (const auto list = list_of_unknown(match)) unknown_lists_.insert(*list);
        }
      }
    }
  }

  Result<void> add_table(const Table& table) {
    table_ = &table;
    to_.has_table_[static_cast<size_t>(table.name)] = true;
    numbers_.clear();
    for (const Chain& chain : table.chains) {
      numbers_[chain.name] = static_cast<ChainNumber>(to_.chains_.size());
      to_.chains_.push_back({.text = &chain, .rules = {}, .index = {}, .lines = {}});
    }
    for (const Chain& chain : table.chains) {
      if (auto done = add_chain(chain); !done) return done;
    }
    return refuse_circles();
  }

 private:
  Result<void> add_chain(const Chain& chain) {
    const ChainNumber number = numbers_[chain.name];
    std::vector<IndexKey> keys;
    for (const Rule& rule : chain.rules) {
      auto compiled = compile(rule);
      if (!compiled) return tl::unexpected(compiled.error());
      to_.chains_[number].rules.push_back(*compiled);
      keys.push_back(index_key(rule));
    }
    to_.chains_[number].index = RuleIndex(keys);
    const auto hook = hook_of(chain.name);
    const bool idle = chain.rules.empty() && chain.policy != Policy::kDrop;
    if (hook && chain.policy && !idle) {
      to_.entries_[static_cast<size_t>(table_->name)][static_cast<size_t>(*hook)] = number;
    }
    return {};
  }

  Result<CompiledRule> compile(const Rule& rule) {
    CompiledRule compiled;
    const auto test = [&](CompiledRule::Test bit, const auto& field) {
      if (!field) return false;
      compiled.tests |= bit;
      if (field->negated) compiled.negations |= bit;
      return true;
    };
    if (test(CompiledRule::kSource, rule.source)) {
      compiled.source = prefix_test(rule.source->value);
    }
    if (test(CompiledRule::kDestination, rule.destination)) {
      compiled.destination = prefix_test(rule.destination->value);
    }
    if (test(CompiledRule::kProtocol, rule.protocol)) compiled.protocol = rule.protocol->value;
    if (test(CompiledRule::kInInterface, rule.in_interface)) {
      compiled.in_interface = &rule.in_interface->value;
    }
    if (test(CompiledRule::kOutInterface, rule.out_interface)) {
      compiled.out_interface = &rule.out_interface->value;
    }
    compiled.matches_begin = static_cast<uint32_t>(to_.matches_.size());
    // Chance need not be asked where nothing comes of it.
    const bool idle = is_idle(rule);
    for (const Match& match : rule.matches) {
      if (!(idle && std::holds_alternative<StatisticMatch>(match))) add_match(match);
    }
    compiled.matches_end = static_cast<uint32_t>(to_.matches_.size());
    if (auto done = set_target(rule.target, compiled); !done) return tl::unexpected(done.error());
    return compiled;
  }

  void add_match(const Match& match) {
    const auto add = [this](MatchKind kind, bool negated = false, uint32_t first = 0,
                            uint32_t second = 0) {
      to_.matches_.push_back({kind, negated, first, second});
    };
    std::visit(
        Overloaded{
            [](const CommentMatch&) {},
            [](const AccountingMatch&) {},
            [&](const TransportMatch&) { add(MatchKind::kTransport); },
            [&](const DestinationPortMatch& m) { add(MatchKind::kDestinationPort, false, m.port); },
            [&](const MarkMatch& m) { add(MatchKind::kMark, m.negated, m.value, m.mask); },
            [&](const ConntrackStateMatch& m) {
              add(MatchKind::kConntrackState, m.negated, m.states);
            },
            [&](const LocalAddressMatch& m) {
              add(MatchKind::kLocalAddress, m.negated, m.source ? 1 : 0);
            },
            [&](const BridgePortMatch& m) { add(MatchKind::kBridgePort, m.negated); },
            [&](const StatisticMatch& m) { add(MatchKind::kStatistic, false, m.threshold); },
            [&](const RecentMatch& m) {
              if (unknown_lists_.contains(m.list)) return add(MatchKind::kUnknown);
              add(recent_kind(m), false, list(m.list), m.seconds);
            },
            [&](const UnknownMatch&) { add(MatchKind::kUnknown); },
        },
        match);
  }

  static MatchKind recent_kind(const RecentMatch& match) {
    if (match.mode == RecentMatch::Mode::kSet) return MatchKind::kRecentSet;
    return match.reap ? MatchKind::kRecentRecheckReap : MatchKind::kRecentRecheck;
  }

  ListId list(const std::string& name) {
    const ListId id = lists_.id(name);
    to_.lists_.insert(id);
    return id;
  }

  Result<void> set_target(const Target& target, CompiledRule& rule) {
    const auto set = [&rule](TargetKind kind, uint32_t first = 0, uint32_t second = 0) {
      rule.target = kind;
      rule.target_first = first;
      rule.target_second = second;
      return Result<void>();
    };
    return std::visit(
        Overloaded{
            [&](const NoTarget&) { return set(TargetKind::kNone); },
            [&](const AcceptTarget&) { return set(TargetKind::kAccept); },
            [&](const DropTarget&) { return set(TargetKind::kDrop); },
            [&](const ReturnTarget&) { return set(TargetKind::kReturn); },
            [&](const RejectTarget&) { return set(TargetKind::kReject); },
            [&](const JumpTarget& t) -> Result<void> {
              const auto number = numbers_.find(t.chain);
              if (number == numbers_.end()) {
                return bad_input("table {}: a rule jumps to chain {}, which does not exist",
                                 to_string(table_->name), t.chain);
              }
              return set(t.is_goto ? TargetKind::kGoto : TargetKind::kJump, number->second);
            },
            [&](const MarkTarget& t) { return set(TargetKind::kMark, t.value, t.mask); },
            [&](const DnatTarget& t) {
              to_.destinations_.push_back(t.to);
              return set(TargetKind::kDnat, static_cast<uint32_t>(to_.destinations_.size() - 1));
            },
            [&](const MasqueradeTarget& t) {
              return set(TargetKind::kMasquerade, t.random_fully ? 1 : 0);
            },
            [&](const UnknownTarget& t) {
              return set(only_tells(t) ? TargetKind::kNone : TargetKind::kUnknown);
            },
        },
        target);
  }

  // Depth first over the jumps; a chain that is met again while it is still open closes a circle.
  Result<void> refuse_circles() {
    enum class Mark : uint8_t { kNew, kOpen, kDone };
    std::vector<Mark> marks(to_.chains_.size(), Mark::kNew);
    struct Visit {
      ChainNumber chain;
      size_t next_rule;
    };
    std::vector<Visit> open;
    for (const auto& [name, start] : numbers_) {
      if (marks[start] != Mark::kNew) continue;
      marks[start] = Mark::kOpen;
      open.push_back({start, 0});
      while (!open.empty()) {
        Visit& visit = open.back();
        const CompiledChain& chain = to_.chains_[visit.chain];
        if (visit.next_rule == chain.rules.size()) {
          marks[visit.chain] = Mark::kDone;
          open.pop_back();
          continue;
        }
        const CompiledRule& rule = chain.rules[visit.next_rule++];
        if (rule.target != TargetKind::kJump && rule.target != TargetKind::kGoto) continue;
        const ChainNumber target = rule.target_first;
        if (marks[target] == Mark::kOpen) {
          return bad_input("table {}: chain {} jumps in a circle", to_string(table_->name),
                           to_.chains_[target].text->name);
        }
        if (marks[target] == Mark::kNew) {
          marks[target] = Mark::kOpen;
          open.push_back({target, 0});
        }
      }
    }
    return {};
  }

  CompiledRules& to_;
  ListNames& lists_;
  // Lists of module `recent` that rules change or ask in ways that are not understood.
  std::set<std::string_view> unknown_lists_;
  const Table* table_ = nullptr;
  std::unordered_map<std::string_view, ChainNumber> numbers_;
};

Result<CompiledRules> CompiledRules::compile(std::shared_ptr<const Ruleset> rules,
                                             ListNames& lists) {
  CompiledRules compiled;
  compiled.rules_ = std::move(rules);
  Compiler compiler(compiled, lists);
  for (const Table& table : compiled.rules_->tables) compiler.note_unknown_lists(table);
  for (const Table& table : compiled.rules_->tables) {
    if (auto done = compiler.add_table(table); !done) return tl::unexpected(done.error());
  }
  return compiled;
}

}  // namespace kubeproof::netfilter
