#include "replay/run/flow_check.h"

#include <algorithm>
#include <utility>

#include "replay/compare/explain.h"

namespace kubeproof {
namespace {

// Of a flow that is repeated and fails each time in another way.
constexpr size_t kFailuresKept = 10;

std::string seen_text(const World& world, const Fate& fate) {
  std::vector<Seen> seen;
  for (const Emission& emission : fate) seen.push_back({emission.packet, emission.place});
  return describe_seen(world, seen);
}

bool names(const std::string& list, std::string_view engine) {
  return (", " + list + ",").find(", " + std::string(engine) + ",") != std::string::npos;
}

}  // namespace

void FlowCheck::permitted(std::string_view engine, const Injection& /*injection*/,
                          std::span<const Outcome> outcomes) {
  auto distribution = distributions_.find(engine);
  if (distribution == distributions_.end()) {
    distribution = distributions_.emplace(std::string(engine), EndpointDistribution{}).first;
  }
  distribution->second.offer(outcomes);
  if (!expectation_) return;
  if (auto failure = check_expectation(*expectation_, outcomes)) {
    add_failure(FailureKind::kPermitted, engine, *std::move(failure),
                outcomes.empty() ? std::vector<std::string>{} : outcomes.front().trace);
  }
}

void FlowCheck::taken(std::string_view engine, const Injection& injection, const Fate& fate) {
  if (const auto distribution = distributions_.find(engine); distribution != distributions_.end()) {
    distribution->second.choose(chosen_destination(injection, fate));
  }
  EngineFate& told = fate_of(engine);
  if (told.seen.empty()) told = {told.engine, seen_text(world_, fate), fate.trace};
  if (!expectation_) return;
  auto failure = check_expectation(*expectation_, world_, injection, fate);
  if (!failure) return;
  const bool first = std::none_of(failures_.begin(), failures_.end(), [&](const auto& known) {
    return known.kind == FailureKind::kSeen && names(known.engine, engine);
  });
  if (first) told = {told.engine, seen_text(world_, fate), fate.trace};
  add_failure(FailureKind::kSeen, engine, *std::move(failure), {});
}

void FlowCheck::conclude() {
  // Without an engine that runs, nothing was.
  if (expectation_ && !distributions_.empty()) ++checked_;
  bool tested = false;
  for (const auto& [engine, distribution] : distributions_) {
    tested = tested || distribution.testable();
    if (auto failure = distribution.check()) {
      add_failure(FailureKind::kDistribution, engine, *std::move(failure), {});
    }
  }
  if (tested) ++checked_;
}

// What is permitted depends on what the engine chose before; mostly it is the same for all of them.
void FlowCheck::add_failure(FailureKind kind, std::string_view engine, std::string text,
                            const std::vector<std::string>& rules) {
  for (ExpectationFailure& known : failures_) {
    if (known.kind != kind || known.text != text) continue;
    if (!names(known.engine, engine)) known.engine += ", " + std::string(engine);
    return;
  }
  if (failures_.size() >= kFailuresKept) return;
  failures_.push_back({kind, std::string(engine), std::move(text), rules});
}

EngineFate& FlowCheck::fate_of(std::string_view engine) {
  const auto known = std::find_if(fates_.begin(), fates_.end(),
                                  [&](const EngineFate& fate) { return fate.engine == engine; });
  if (known != fates_.end()) return *known;
  return fates_.emplace_back(EngineFate{std::string(engine), {}, {}});
}

}  // namespace kubeproof
