// Holds the opening packets of one flow step, all that it repeats, to what the step expects: the
// whole set of outcomes that kube-proxy's rules permit, what each engine did, and how often it
// chose which endpoint.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/node/world.h"
#include "replay/report/case_report.h"
#include "replay/run/endpoint_distribution.h"
#include "replay/session/expectation.h"
#include "replay/session/opening_watch.h"

namespace kubeproof {

class FlowCheck final : public OpeningWatch {
 public:
  // Both outlive the check.
  FlowCheck(const World& world, const std::optional<Expectation>& expectation)
      : world_(world), expectation_(expectation) {}

  void permitted(std::string_view engine, const Injection& injection,
                 std::span<const Outcome> outcomes) override;
  void taken(std::string_view engine, const Injection& injection, const Fate& fate) override;

  // To be called once, after the last flow.
  void conclude();

  // Expectations and distributions that were checked.
  uint64_t checked() const { return checked_; }
  std::vector<ExpectationFailure>& failures() { return failures_; }
  // What each engine did with the first flow, or with the first that failed.
  std::vector<EngineFate>& fates() { return fates_; }

 private:
  void add_failure(FailureKind kind, std::string_view engine, std::string text,
                   const std::vector<std::string>& rules);
  EngineFate& fate_of(std::string_view engine);

  const World& world_;
  const std::optional<Expectation>& expectation_;
  std::map<std::string, EndpointDistribution, std::less<>> distributions_;
  std::vector<ExpectationFailure> failures_;
  std::vector<EngineFate> fates_;
  uint64_t checked_ = 0;
};

}  // namespace kubeproof
