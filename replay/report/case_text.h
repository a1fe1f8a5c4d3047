// Reports of cases: for people, one line for each case, and below one that failed all that helps to
// find the cause, step by step; for machines, JSON (README.md has the names of the fields).
#pragma once

#include <string>

#include "replay/report/case_report.h"

namespace kubeproof {

std::string render_text(const RunReport& report, bool color);
std::string render_json(const RunReport& report);

}  // namespace kubeproof
