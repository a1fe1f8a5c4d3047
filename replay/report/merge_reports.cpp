#include "replay/report/merge_reports.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kubeproof {
namespace {

constexpr size_t kDivergencesKept = 1000;

template <class T, class Same>
T& find_or_add(std::vector<T>& list, const T& like, Same same) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const T& known) { return same(known, like); });
  return found != list.end() ? *found : list.emplace_back();
}

void merge_divergences(ColumnReport& total, ColumnReport& part) {
  for (DivergenceReport& divergence : part.divergences) {
    if (total.divergences.size() >= kDivergencesKept) return;
    divergence.number = total.divergences.size() + 1;
    total.divergences.push_back(std::move(divergence));
  }
}

// An engine that could not run once was not there; one that broke down once is broken.
void merge_status(ColumnReport& total, ColumnReport& part) {
  if (part.status == ColumnStatus::kRan || total.status == ColumnStatus::kFailed) return;
  total.status = part.status;
  total.reason = std::move(part.reason);
}

}  // namespace

void merge_column(ColumnReport& total, ColumnReport part) {
  total.name = part.name;
  merge_status(total, part);
  total.required = total.required || part.required;
  total.packets += part.packets;
  total.agree += part.agree;
  total.deviate += part.deviate;
  total.diverge += part.diverge;
  total.consequences += part.consequences;
  total.undecided += part.undecided;
  total.not_shown += part.not_shown;
  total.re_anchored += part.re_anchored;
  for (size_t i = 0; i < kFateClasses; ++i) total.fates[i] += part.fates[i];
  total.cells += part.cells;
  merge_divergences(total, part);
  for (const DeviationReport& deviation : part.deviations) {
    DeviationReport& known = find_or_add(total.deviations, deviation,
                                         [](const auto& a, const auto& b) { return a.id == b.id; });
    known.id = deviation.id;
    known.title = deviation.title;
    known.packets += deviation.packets;
  }
}

void merge_into(Report& total, Report part) {
  if (!part.node.empty()) {
    total.node = std::move(part.node);
    total.services = part.services;
    total.endpoints = part.endpoints;
  }
  for (ColumnReport& column : part.engines) {
    ColumnReport& known = find_or_add(
        total.engines, column, [](const auto& a, const auto& b) { return a.name == b.name; });
    merge_column(known, std::move(column));
  }
  if (part.captured) {
    if (!total.captured) total.captured.emplace();
    merge_column(*total.captured, std::move(*part.captured));
  }
  for (const ImportCount& line : part.import) {
    ImportCount& known = find_or_add(total.import, line,
                                     [](const auto& a, const auto& b) { return a.name == b.name; });
    known.name = line.name;
    known.text = line.text;
    known.set_aside = line.set_aside;
    if (known.first.empty()) known.first = line.first;
    known.count += line.count;
    known.details.insert(known.details.end(), line.details.begin(), line.details.end());
  }
}

}  // namespace kubeproof
