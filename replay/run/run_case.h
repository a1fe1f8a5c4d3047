// Takes engines through the timeline of a case, and reports what did not go as the case expects or
// as the reference permits.
#pragma once

#include <functional>
#include <vector>

#include "model/result.h"
#include "replay/case/case.h"
#include "replay/report/case_report.h"
#include "replay/session/session.h"

namespace kubeproof {

// Fresh engines with every call, so that no case sees another's state.
using EngineFactory = std::function<Result<std::vector<EngineChoice>>()>;

// A case that fails is run once more, with engines that explain what they do.
Result<CaseReport> run_case(const Case& one, const EngineFactory& make_engines,
                            const OracleFactory& make_oracle);

// Without that second run.
Result<CaseReport> run_case_once(const Case& one, const EngineFactory& make_engines,
                                 const OracleFactory& make_oracle);

}  // namespace kubeproof
