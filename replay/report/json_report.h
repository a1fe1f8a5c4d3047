// A report for machines. README.md beside this file documents the fields; their names are stable.
#pragma once

#include <string>

#include "replay/report/report.h"

namespace kubeproof {

// One JSON object, indented, ending in a newline.
std::string render_json(const Report& report);

}  // namespace kubeproof
