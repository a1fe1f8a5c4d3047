#include "replay/report/merge_reports.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

Report one_case(uint64_t packets, ColumnStatus status = ColumnStatus::kRan) {
  Report report;
  ColumnReport column;
  column.name = "ebpf-tc";
  column.status = status;
  column.packets = packets;
  column.diverge = 1;
  column.divergences.emplace_back().number = 1;
  column.deviations.push_back({"id", "title", 2});
  report.engines.push_back(column);
  report.import.push_back({"segmented", "cut", 3, {}, false, {"a.pcap: damaged"}});
  return report;
}

TEST(MergeReports, AddsUpEngineByEngine) {
  Report total;
  merge_into(total, one_case(5));
  merge_into(total, one_case(6));
  ASSERT_EQ(total.engines.size(), 1U);
  EXPECT_EQ(total.engines[0].packets, 11U);
  EXPECT_EQ(total.engines[0].diverge, 2U);
  EXPECT_EQ(total.engines[0].deviations[0].packets, 4U);
  EXPECT_EQ(total.import[0].count, 6U);
  EXPECT_EQ(total.import[0].details.size(), 2U);
}

TEST(MergeReports, NumbersDivergencesThrough) {
  Report total;
  merge_into(total, one_case(5));
  merge_into(total, one_case(5));
  ASSERT_EQ(total.engines[0].divergences.size(), 2U);
  EXPECT_EQ(total.engines[0].divergences[1].number, 2U);
}

TEST(MergeReports, KeepsThatAnEngineBrokeDown) {
  Report total;
  merge_into(total, one_case(5, ColumnStatus::kFailed));
  merge_into(total, one_case(5));
  EXPECT_EQ(total.engines[0].status, ColumnStatus::kFailed);
}

}  // namespace
}  // namespace kubeproof
