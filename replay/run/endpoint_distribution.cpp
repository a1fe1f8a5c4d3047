#include "replay/run/endpoint_distribution.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "replay/run/chi_squared.h"

namespace kubeproof {

void EndpointDistribution::offer(std::span<const Outcome> outcomes) {
  offered_.clear();
  for (const Outcome& outcome : outcomes) {
    if (outcome.endpoint) offered_[*outcome.endpoint] += outcome.probability;
  }
}

void EndpointDistribution::choose(const std::optional<SocketAddress>& endpoint) {
  // A choice that was not offered is a divergence, and told as one.
  if (offered_.size() < 2 || !endpoint || !offered_.contains(*endpoint)) return;
  ++flows_;
  for (const auto& [address, probability] : offered_) counts_[address].expected += probability;
  ++counts_[*endpoint].chosen;
}

bool EndpointDistribution::testable() const {
  return !counts_.empty() && std::all_of(counts_.begin(), counts_.end(), [](const auto& entry) {
    return entry.second.expected >= kFlowsPerEndpoint * (1 - 1e-6);
  });
}

std::optional<std::string> EndpointDistribution::check() const {
  if (!testable()) return std::nullopt;
  double statistic = 0;
  std::vector<std::string> texts;
  std::vector<std::string> never;
  for (const auto& [address, count] : counts_) {
    const double off = static_cast<double>(count.chosen) - count.expected;
    statistic += off * off / count.expected;
    texts.push_back(fmt::format("{} {} times ({:.0f} expected)", address.to_string(), count.chosen,
                                count.expected));
    if (count.chosen == 0) never.push_back(address.to_string());
  }
  const auto degrees = static_cast<unsigned>(counts_.size() - 1);
  const double chance = chi_squared_tail(statistic, degrees);
  if (never.empty() && chance >= kLevel) return std::nullopt;
  if (!never.empty()) {
    return fmt::format("in {} new flows never chose {}; chose {}", flows_, fmt::join(never, ", "),
                       fmt::join(texts, ", "));
  }
  return fmt::format(
      "in {} new flows chose {}: chi-squared {:.1f} with {} degree{} of freedom, which chance "
      "exceeds once in {:.0e}",
      flows_, fmt::join(texts, ", "), statistic, degrees, degrees == 1 ? "" : "s", 1 / chance);
}

}  // namespace kubeproof
