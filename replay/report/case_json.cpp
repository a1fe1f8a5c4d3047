#include "replay/report/case_text.h"
#include "replay/report/column_json.h"

namespace kubeproof {
namespace {

Json step_to_json(const StepReport& step) {
  Json failures = Json::array();
  for (const ExpectationFailure& failure : step.failures) {
    failures.push_back({{"kind", to_string(failure.kind)},
                        {"engine", failure.engine},
                        {"text", failure.text},
                        {"rules", failure.rules}});
  }
  Json fates = Json::array();
  for (const EngineFate& fate : step.fates) {
    fates.push_back({{"engine", fate.engine}, {"seen", fate.seen}, {"decisions", fate.decisions}});
  }
  return {{"step", step.number},
          {"what", step.what},
          {"expected", step.expected},
          {"failures", std::move(failures)},
          {"fates", std::move(fates)}};
}

Json case_to_json(const CaseReport& one) {
  Json failed = Json::array();
  for (const StepReport& step : one.failed) failed.push_back(step_to_json(step));
  Json engines = Json::array();
  for (const ColumnReport& column : one.report.engines) engines.push_back(to_json(column));
  Json json = {{"file", one.file},
               {"name", one.name},
               {"verdict", to_string(verdict_of(one))},
               {"steps", one.steps},
               {"expectations", one.expectations},
               {"failed_steps", std::move(failed)},
               {"import", to_json(one.report.import)},
               {"engines", std::move(engines)}};
  if (one.report.captured) json["captured"] = to_json(*one.report.captured);
  return json;
}

}  // namespace

std::string render_json(const RunReport& report) {
  const RunVerdict verdict = verdict_of(report);
  Json cases = Json::array();
  for (const CaseReport& one : report.cases) cases.push_back(case_to_json(one));
  return json_text({{"kubeproof", "v1"},
                    {"command", "run"},
                    {"verdict", to_string(verdict)},
                    {"exit_status", exit_status(verdict)},
                    {"inputs", report.inputs},
                    {"passed_over", report.passed_over},
                    {"cases", std::move(cases)}});
}

}  // namespace kubeproof
