#include "replay/fuzz/rule_steps.h"

#include <algorithm>
#include <array>

namespace kubeproof::explore {
namespace {

// A step is told by the table, the start of its chain's name, and what its rule says.
struct StepPattern {
  std::string_view step;
  std::string_view table;
  std::string_view chain;
  std::string_view contains;
};

// The first that fits. N1 is missing: kube-proxy writes it only where it could make a counter of
// nfacct, and with it nothing changes for packets.
constexpr std::array kPatterns = {
    StepPattern{"A1", "nat", "KUBE-SERVICES", " cluster IP\""},
    StepPattern{"X1", "nat", "KUBE-SERVICES", " external IP\""},
    StepPattern{"L1", "nat", "KUBE-SERVICES", " loadbalancer IP\""},
    StepPattern{"T1", "nat", "KUBE-SERVICES", "--dst-type LOCAL"},
    StepPattern{"T2", "nat", "KUBE-SERVICES", "nodeports"},
    StepPattern{"A2", "filter", "KUBE-SERVICES", ""},
    StepPattern{"L2", "filter", "KUBE-PROXY-FIREWALL", ""},
    StepPattern{"N3", "filter", "KUBE-EXTERNAL-SERVICES", "--dst-type LOCAL"},
    StepPattern{"X2 reject", "filter", "KUBE-EXTERNAL-SERVICES", "REJECT"},
    StepPattern{"X2 drop", "filter", "KUBE-EXTERNAL-SERVICES", "DROP"},
    StepPattern{"N2", "nat", "KUBE-NODEPORTS", ""},
    StepPattern{"H", "filter", "KUBE-NODEPORTS", ""},
    StepPattern{"E1", "nat", "KUBE-EXT-", "masquerade traffic"},
    StepPattern{"E2", "nat", "KUBE-EXT-", "pod traffic"},
    StepPattern{"E3", "nat", "KUBE-EXT-", "masquerade LOCAL"},
    StepPattern{"E4", "nat", "KUBE-EXT-", "route LOCAL"},
    StepPattern{"E5", "nat", "KUBE-EXT-", ""},
    StepPattern{"F3", "nat", "KUBE-FW-", "other traffic"},
    StepPattern{"F1", "nat", "KUBE-FW-", ""},
    StepPattern{"C2", "nat", "KUBE-SV", " ! -"},
    StepPattern{"C1", "nat", "KUBE-SV", "KUBE-MARK-MASQ"},
    StepPattern{"S3", "nat", "KUBE-SVL-", "--rcheck"},
    StepPattern{"S1", "nat", "KUBE-SVC-", "--rcheck"},
    StepPattern{"S4 random", "nat", "KUBE-SVL-", "--mode random"},
    StepPattern{"S2 random", "nat", "KUBE-SVC-", "--mode random"},
    StepPattern{"S4 last", "nat", "KUBE-SVL-", ""},
    StepPattern{"S2 last", "nat", "KUBE-SVC-", ""},
    StepPattern{"P1", "nat", "KUBE-SEP-", "KUBE-MARK-MASQ"},
    StepPattern{"P2 affinity", "nat", "KUBE-SEP-", "--set"},
    StepPattern{"P2", "nat", "KUBE-SEP-", ""},
    StepPattern{"K mark", "nat", "KUBE-MARK-MASQ", ""},
    StepPattern{"K masquerade", "nat", "KUBE-POSTROUTING", "MASQUERADE"},
    StepPattern{"K localnet", "filter", "KUBE-FIREWALL", "127.0.0.0/8"},
    StepPattern{"K invalid", "filter", "KUBE-FORWARD", "INVALID"},
    StepPattern{"K marked", "filter", "KUBE-FORWARD", "--mark"},
    StepPattern{"K established", "filter", "KUBE-FORWARD", "ESTABLISHED"},
};

// Another step that writes rules of the same form, but for an address of another kind, which
// `option` names.
struct Twin {
  std::string_view step;
  std::string_view twin;
  std::string_view option;
};

constexpr std::array kTwins = {
    Twin{"F1", "F2", " -s "},
    Twin{"X2 reject", "L3 reject", " -d "},
    Twin{"X2 drop", "L3 drop", " -d "},
};

std::string_view word_behind(std::string_view text, std::string_view mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + mark.size());
  return text.substr(0, text.find_first_of(" \""));
}

// Both are for the address of a load balancer. Where a rule serves for the first step as well, that
// is the one which wrote it first.
bool is_of_twin(std::string_view rule, const Twin& twin, const ServiceIndex& services) {
  const std::string_view name = word_behind(rule, "--comment \"");
  const auto range = Cidr::parse(word_behind(rule, twin.option));
  if (!range || *range != Cidr::host(range->base()) ||
      !services.has_address(name, range->base(), FrontendRole::kLoadBalancer)) {
    return false;
  }
  return twin.step == "F1" ? !services.has_source_range(name, *range)
                           : !services.has_address(name, range->base(), FrontendRole::kExternalIp);
}

std::string_view next_word(std::string_view& text) {
  const size_t begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos) return text = {};
  const size_t end = std::min(text.find(' ', begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

}  // namespace

std::span<const std::string_view> rule_steps() {
  static constexpr auto kNames = [] {
    std::array<std::string_view, kPatterns.size() + kTwins.size()> names;
    for (size_t i = 0; i < kPatterns.size(); ++i) names[i] = kPatterns[i].step;
    for (size_t i = 0; i < kTwins.size(); ++i) names[kPatterns.size() + i] = kTwins[i].twin;
    return names;
  }();
  return kNames;
}

// "nat PREROUTING KUBE-SERVICES #3 -d 10.96.0.10/32 …"
std::string_view rule_step(std::string_view trace_line, const ServiceIndex& services) {
  const std::string_view table = next_word(trace_line);
  if (table != "nat" && table != "filter") return {};
  next_word(trace_line);
  const std::string_view chain = next_word(trace_line);
  if (chain.empty() || chain.front() == '#') return {};
  const auto pattern = std::find_if(kPatterns.begin(), kPatterns.end(), [&](const auto& each) {
    return table == each.table && chain.starts_with(each.chain) &&
           trace_line.find(each.contains) != std::string_view::npos;
  });
  if (pattern == kPatterns.end()) return {};
  for (const Twin& twin : kTwins) {
    if (twin.step == pattern->step && is_of_twin(trace_line, twin, services)) return twin.twin;
  }
  return pattern->step;
}

}  // namespace kubeproof::explore
