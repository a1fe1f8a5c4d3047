// A report for people: first what was compared and the verdict, then as little as possible when all
// is well and all that helps to find the cause when it is not.
#pragma once

#include <string>

#include "replay/report/report.h"

namespace kubeproof {

struct TextStyle {
  bool color = false;            // ANSI colours, for a terminal
  size_t most_divergences = 10;  // per engine
};

std::string render_text(const Report& report, const TextStyle& style);

}  // namespace kubeproof
