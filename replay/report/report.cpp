#include "replay/report/report.h"

#include <algorithm>

namespace kubeproof {

std::string_view to_string(FateClass fate) {
  constexpr std::array<std::string_view, kFateClasses> kNames = {"forwarded", "delivered",
                                                                 "answered", "dropped", "stayed"};
  return kNames[static_cast<size_t>(fate)];
}

std::string_view to_string(ColumnStatus status) {
  constexpr std::array<std::string_view, 3> kNames = {"ran", "skipped", "failed"};
  return kNames[static_cast<size_t>(status)];
}

std::string_view to_string(RunVerdict verdict) {
  constexpr std::array<std::string_view, 4> kNames = {"equivalent", "divergent", "incomplete",
                                                      "empty"};
  return kNames[static_cast<size_t>(verdict)];
}

RunVerdict verdict_of(const Report& report) {
  const auto diverged = [](const ColumnReport& column) { return column.diverge != 0; };
  if (std::any_of(report.engines.begin(), report.engines.end(), diverged) ||
      (report.captured && diverged(*report.captured))) {
    return RunVerdict::kDivergent;
  }
  bool any_ran = false;
  bool any_compared = false;
  for (const ColumnReport& column : report.engines) {
    if (column.status == ColumnStatus::kRan) {
      any_ran = true;
      any_compared |= column.packets != column.undecided;
    } else if (column.required || column.status == ColumnStatus::kFailed) {
      return RunVerdict::kIncomplete;
    }
  }
  if (!any_ran) return RunVerdict::kIncomplete;
  return any_compared ? RunVerdict::kEquivalent : RunVerdict::kEmpty;
}

int exit_status(RunVerdict verdict) {
  switch (verdict) {
    case RunVerdict::kEquivalent:
      return 0;
    case RunVerdict::kDivergent:
      return 1;
    case RunVerdict::kEmpty:
      return 2;
    case RunVerdict::kIncomplete:
      return 3;
  }
  return 3;
}

}  // namespace kubeproof
