#include "replay/report/divergence_kinds.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

namespace kubeproof {
namespace {

std::string what_differs(const Difference& difference) {
  std::string text;
  std::string_view last;
  for (const DifferencePart& part : difference.parts) {
    const std::string_view kind = to_string(part.kind);
    if (kind == last) continue;
    text += (text.empty() ? "" : ", ") + std::string(kind);
    last = kind;
  }
  std::replace(text.begin(), text.end(), '-', ' ');
  return text;
}

void add(std::string& text, std::string_view separator, std::string_view more) {
  if (!text.empty()) text += separator;
  text += more;
}

// Which cells of the table of traffic were met.
class Traffic {
 public:
  void add(const TrafficCell& cell) {
    origins_[cell.service].insert(cell.origin);
    protocols_.emplace(cell.family, cell.protocol);
  }

  std::string to_string() const {
    std::string services;
    for (const auto& [service, origins] : origins_) {
      std::string clients;
      for (const Origin origin : origins) {
        kubeproof::add(clients, ", ", kubeproof::to_string(origin));
      }
      const std::string_view name =
          service == ServiceKind::kNone ? "no service" : kubeproof::to_string(service);
      kubeproof::add(services, "; ", fmt::format("{} from {}", name, clients));
    }
    std::string protocols;
    for (const auto& [family, protocol] : protocols_) {
      kubeproof::add(
          protocols, ", ",
          fmt::format("{} {}", kubeproof::to_string(family), kubeproof::to_string(protocol)));
    }
    return fmt::format("{} ({})", services, protocols);
  }

 private:
  std::map<ServiceKind, std::set<Origin>> origins_;
  std::set<std::pair<Family, CellProtocol>> protocols_;
};

}  // namespace

std::vector<DivergenceKind> divergence_kinds(const std::vector<DivergenceReport>& divergences) {
  std::vector<DivergenceKind> kinds;
  std::vector<Traffic> traffic;
  for (const DivergenceReport& divergence : divergences) {
    std::string differs = what_differs(divergence.disagreement.difference);
    if (divergence.is_reply) differs += " of replies";
    const auto known = std::find_if(kinds.begin(), kinds.end(),
                                    [&](const auto& kind) { return kind.differs == differs; });
    const auto at = static_cast<size_t>(known - kinds.begin());
    if (known == kinds.end()) {
      kinds.push_back({std::move(differs), {}, 0, &divergence});
      traffic.emplace_back();
    }
    ++kinds[at].packets;
    traffic[at].add(divergence.cell);
  }
  for (size_t i = 0; i < kinds.size(); ++i) kinds[i].traffic = traffic[i].to_string();
  std::stable_sort(kinds.begin(), kinds.end(),
                   [](const auto& a, const auto& b) { return a.packets > b.packets; });
  return kinds;
}

}  // namespace kubeproof
