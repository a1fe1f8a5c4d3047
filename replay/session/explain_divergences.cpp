#include "replay/session/explain_divergences.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "replay/report/divergence_kinds.h"

namespace kubeproof {
namespace {

constexpr size_t kExplainedPerEngine = 20;

std::vector<FramePlace> places_to_explain(const Report& report) {
  std::vector<FramePlace> places;
  for (const ColumnReport& column : report.engines) {
    const size_t count = std::min(kExplainedPerEngine, column.divergences.size());
    for (size_t i = 0; i < count; ++i) places.push_back(column.divergences[i].place);
    // The report shows the first of every kind, however late it came.
    const std::vector<DivergenceKind> kinds = divergence_kinds(column.divergences);
    for (size_t i = 0; i < std::min(kExplainedPerEngine, kinds.size()); ++i) {
      places.push_back(kinds[i].first->place);
    }
  }
  return places;
}

void copy_decisions(const ColumnReport& from, ColumnReport& to) {
  for (const DivergenceReport& explained : from.divergences) {
    const auto same =
        std::find_if(to.divergences.begin(), to.divergences.end(),
                     [&](const DivergenceReport& one) { return one.place == explained.place; });
    if (same != to.divergences.end()) same->decisions = explained.decisions;
  }
}

}  // namespace

bool needs_explanation(const Report& report) {
  return !places_to_explain(report).empty();
}

Result<void> explain_divergences(Session& session, const CaptureReplay& replay, Report& report) {
  std::vector<FramePlace> places = places_to_explain(report);
  std::sort(places.begin(), places.end());
  places.erase(std::unique(places.begin(), places.end()), places.end());
  size_t left = places.size();
  bool explaining = false;
  CaptureReplay again = replay;
  again.before = [&](const FramePlace& place) {
    if (left == 0) return false;
    const bool wanted = std::binary_search(places.begin(), places.end(), place);
    if (wanted) --left;
    if (wanted != explaining) session.explain(explaining = wanted);
    return true;
  };
  const auto replayed = replay_captures(session, again);
  if (!replayed) return tl::unexpected(replayed.error());
  Report explained;
  session.report_into(explained);
  for (ColumnReport& column : report.engines) {
    for (const ColumnReport& other : explained.engines) {
      if (other.name == column.name) copy_decisions(other, column);
    }
  }
  return {};
}

}  // namespace kubeproof
