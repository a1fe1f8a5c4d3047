// What running cases found, as data. A case passes when every engine agreed with the reference on
// every packet and every expectation was met.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/report/report.h"

namespace kubeproof {

enum class FailureKind : uint8_t {
  kPermitted,     // what kube-proxy's rules permit is not what is expected
  kSeen,          // what the engine did is not what is expected
  kDistribution,  // the engine chooses among endpoints otherwise than kube-proxy's rules do
};

// "permitted", "seen", "distribution": stable names.
std::string_view to_string(FailureKind kind);

struct ExpectationFailure {
  FailureKind kind = FailureKind::kPermitted;
  std::string engine;  // of kPermitted: all whose reference permits something else
  std::string text;
  std::vector<std::string> rules;  // kPermitted: those that the packet met
};

// What an engine did with the opening packet of a step.
struct EngineFate {
  std::string engine;
  std::string seen;
  std::vector<std::string> decisions;
};

// A step that did not go as it should.
struct StepReport {
  size_t number = 0;     // from 1
  std::string what;      // "flow from 10.180.0.9 to 10.96.0.10:80, TCP"
  std::string expected;  // "dnat to 10.180.0.1:8080"; empty where engines need only agree
  std::vector<ExpectationFailure> failures;
  std::vector<EngineFate> fates;
};

struct CaseReport {
  std::string file;
  std::string name;
  std::string description;
  uint64_t steps = 0;
  uint64_t expectations = 0;       // checked
  Report report;                   // divergences by engine, what the import met
  std::vector<StepReport> failed;  // an expectation, or an engine's agreement
};

struct RunReport {
  std::vector<std::string> inputs;       // as named on the command line
  std::vector<std::string> passed_over;  // files in the folders that are no cases
  std::vector<CaseReport> cases;
};

RunVerdict verdict_of(const CaseReport& report);
// That of the worst case: divergent, incomplete, empty.
RunVerdict verdict_of(const RunReport& report);

// All cases together, engine by engine.
Report totals_of(const RunReport& report);

}  // namespace kubeproof
