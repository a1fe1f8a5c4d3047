#include "model/netfilter/rules_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {
namespace {

// Appends the words of one rule. Every method but the first starts with a space.
class RuleWriter {
 public:
  RuleWriter(std::string& out, Family family) : out_(out), family_(family) {}

  void write(std::string_view chain, const Rule& rule) {
    append("-A {}", chain);
    write_prefix("-s", rule.source);
    write_prefix("-d", rule.destination);
    write_interface("-i", rule.in_interface);
    write_interface("-o", rule.out_interface);
    if (rule.protocol) {
      append("{} -p {}", negation(rule.protocol->negated), protocol_name(rule.protocol->value));
    }
    protocol_ = rule.protocol ? rule.protocol->value : uint8_t{0};
    for (const Match& match : rule.matches) {
      std::visit([this](const auto& each) { write_match(each); }, match);
    }
    std::visit([this](const auto& each) { write_target(each); }, rule.target);
  }

 private:
  template <class... Args>
  void append(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out_), format, std::forward<Args>(args)...);
  }

  static std::string_view negation(bool negated) { return negated ? " !" : ""; }

  // Names of /etc/protocols, which the tools consult.
  static std::string protocol_name(uint8_t protocol) {
    switch (protocol) {
      case kIcmp:
        return "icmp";
      case kTcp:
        return "tcp";
      case kUdp:
        return "udp";
      case kIcmpv6:
        return "ipv6-icmp";
      case kSctp:
        return "sctp";
      default:
        return std::to_string(protocol);
    }
  }

  void write_prefix(std::string_view option, const std::optional<Negatable<Cidr>>& prefix) {
    if (!prefix || (prefix->value.prefix_length() == 0 && !prefix->negated)) return;
    append("{} {} {}", negation(prefix->negated), option, prefix->value.to_string());
  }

  void write_interface(std::string_view option,
                       const std::optional<Negatable<InterfacePattern>>& pattern) {
    if (!pattern) return;
    append("{} {} {}{}", negation(pattern->negated), option, pattern->value.name,
           pattern->value.is_prefix ? "+" : "");
  }

  // As libxtables quotes (xtables_save_string).
  void write_quoted(std::string_view text) {
    const bool plain = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '-';
    });
    if (plain) {
      append(" {}", text);
      return;
    }
    out_ += " \"";
    for (const char c : text) {
      if (c == '"' || c == '\\' || c == '\'') out_ += '\\';
      out_ += c;
    }
    out_ += '"';
  }

  void write_match(const CommentMatch& match) {
    append(" -m comment --comment");
    write_quoted(match.text);
  }
  void write_match(const TransportMatch&) { append(" -m {}", protocol_name(protocol_)); }
  void write_match(const DestinationPortMatch& match) {
    append(" -m {} --dport {}", protocol_name(protocol_), match.port);
  }
  void write_match(const MarkMatch& match) {
    append(" -m mark{} --mark {:#x}", negation(match.negated), match.value);
    if (match.mask != ~uint32_t{0}) append("/{:#x}", match.mask);
  }
  void write_match(const ConntrackStateMatch& match) {
    static constexpr std::pair<ConntrackStateBit, const char*> kNames[] = {
        {kStateInvalid, "INVALID"},     {kStateNew, "NEW"},
        {kStateRelated, "RELATED"},     {kStateEstablished, "ESTABLISHED"},
        {kStateUntracked, "UNTRACKED"}, {kStateSnat, "SNAT"},
        {kStateDnat, "DNAT"},
    };
    append(" -m conntrack{} --ctstate", negation(match.negated));
    char separator = ' ';
    for (const auto& [bit, name] : kNames) {
      if ((match.states & bit) == 0) continue;
      append("{}{}", separator, name);
      separator = ',';
    }
  }
  void write_match(const LocalAddressMatch& match) {
    append(" -m addrtype{} --{}-type LOCAL", negation(match.negated), match.source ? "src" : "dst");
  }
  void write_match(const BridgePortMatch& match) {
    append(" -m physdev{} --physdev-is-in", negation(match.negated));
  }
  void write_match(const StatisticMatch& match) {
    append(" -m statistic --mode random --probability {:.11f}", match.threshold / kStatisticScale);
  }
  void write_match(const RecentMatch& match) {
    append(" -m recent");
    if (match.mode == RecentMatch::Mode::kSet) append(" --set");
    if (match.mode == RecentMatch::Mode::kRecheck) append(" --rcheck");
    if (match.seconds != 0) append(" --seconds {}", match.seconds);
    if (match.reap) append(" --reap");
    append(
        " --name {} --mask {} --rsource", match.list,
        family_ == Family::kIpv4 ? "255.255.255.255" : "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  }
  void write_match(const AccountingMatch& match) {
    append(" -m nfacct --nfacct-name ");
    write_quoted(match.counter);
  }
  void write_match(const UnknownMatch& match) { append(" {}", match.text); }

  void write_target(const NoTarget&) {}
  void write_target(const AcceptTarget&) { append(" -j ACCEPT"); }
  void write_target(const DropTarget&) { append(" -j DROP"); }
  void write_target(const ReturnTarget&) { append(" -j RETURN"); }
  void write_target(const RejectTarget&) {
    append(" -j REJECT --reject-with {}-port-unreachable",
           family_ == Family::kIpv4 ? "icmp" : "icmp6");
  }
  void write_target(const JumpTarget& target) {
    append(" -{} {}", target.is_goto ? "g" : "j", target.chain);
  }
  void write_target(const MarkTarget& target) {
    append(" -j MARK --set-xmark {:#x}/{:#x}", target.value, target.mask);
  }
  void write_target(const DnatTarget& target) {
    append(" -j DNAT --to-destination {}", target.to.to_string());
  }
  void write_target(const MasqueradeTarget& target) {
    append(" -j MASQUERADE{}", target.random_fully ? " --random-fully" : "");
  }
  void write_target(const UnknownTarget& target) { append(" {}", target.text); }

  std::string& out_;
  Family family_;
  uint8_t protocol_ = 0;
};

// Built-in chains as they stand, then the others by name.
std::vector<const Chain*> sorted_chains(const Table& table) {
  std::vector<const Chain*> chains;
  for (const Chain& chain : table.chains) chains.push_back(&chain);
  std::stable_sort(chains.begin(), chains.end(), [](const Chain* a, const Chain* b) {
    if (a->policy || b->policy) return a->policy.has_value() && !b->policy.has_value();
    return a->name < b->name;
  });
  return chains;
}

std::string_view policy_text(const std::optional<Policy>& policy) {
  if (!policy) return "-";
  return *policy == Policy::kAccept ? "ACCEPT" : "DROP";
}

}  // namespace

std::string to_text(std::string_view chain, const Rule& rule, Family family) {
  std::string text;
  RuleWriter(text, family).write(chain, rule);
  return text;
}

std::string to_text(const Ruleset& ruleset) {
  std::string text;
  RuleWriter writer(text, ruleset.family);
  for (const Table& table : ruleset.tables) {
    text += fmt::format("*{}\n", to_string(table.name));
    const std::vector<const Chain*> chains = sorted_chains(table);
    for (const Chain* chain : chains) {
      text += fmt::format(":{} {} [0:0]\n", chain->name, policy_text(chain->policy));
    }
    for (const Chain* chain : chains) {
      for (const Rule& rule : chain->rules) {
        writer.write(chain->name, rule);
        text += '\n';
      }
    }
    text += "COMMIT\n";
  }
  return text;
}

}  // namespace kubeproof::netfilter
