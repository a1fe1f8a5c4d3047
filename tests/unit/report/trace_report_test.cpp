#include "replay/report/trace_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kubeproof {
namespace {

TraceColumn column(std::string name, Judgement judgement = Judgement::kAgrees) {
  TraceColumn column;
  column.name = std::move(name);
  column.judgement = judgement;
  column.summary = {"dnat", "pod1", "10.0.0.1:4000", "10.180.0.1:80", "63"};
  column.seen = "out of pod1";
  column.steps = {"step of " + column.name};
  return column;
}

TraceReport traced() {
  TraceReport report;
  report.packet = "10.0.0.1:4000 > 10.96.0.10:80";
  report.ingress = "uplink (eth0)";
  report.outcomes.push_back({0.5, "to the first", "10.180.0.1:80", false, {"shared", "one"}});
  report.outcomes.push_back({0.5, "to the second", "10.180.0.2:80", true, {"shared", "two"}});
  report.permitted = {"dnat", "pod1 | pod2", "10.0.0.1:4000", "10.180.0.1:80 | 10.180.0.2:80",
                      "63"};
  report.engines = {column("netfilter"), column("ebpf-tc")};
  return report;
}

size_t count(const std::string& text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(TraceVerdict, IsDivergentWhenOneDoesWhatIsNotPermitted) {
  TraceReport report = traced();
  EXPECT_EQ(verdict_of(report), RunVerdict::kEquivalent);
  report.captured = column("captured", Judgement::kDiverges);
  EXPECT_EQ(verdict_of(report), RunVerdict::kDivergent);
}

TEST(TraceVerdict, IsIncompleteWithoutAnEngineThatWasAskedFor) {
  TraceReport report = traced();
  report.engines[0].status = ColumnStatus::kSkipped;
  EXPECT_EQ(verdict_of(report), RunVerdict::kEquivalent);
  report.engines[0].required = true;
  EXPECT_EQ(verdict_of(report), RunVerdict::kIncomplete);
}

TEST(TraceText, PutsTheEnginesSideBySide) {
  const std::string text = render_trace_text(traced(), false);
  const size_t header = text.find("  reference ");
  ASSERT_NE(header, std::string::npos) << text;
  const std::string line = text.substr(header, text.find('\n', header) - header);
  EXPECT_LT(line.find("netfilter"), line.find("ebpf-tc")) << line;
  EXPECT_NE(line.find("ebpf-tc"), std::string::npos) << line;
  EXPECT_NE(text.find("they agree"), std::string::npos);
}

TEST(TraceText, ShowsRulesAndDecisions) {
  const std::string text = render_trace_text(traced(), false);
  for (const std::string_view part : {"one", "two", "step of netfilter", "step of ebpf-tc"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
}

TEST(TraceText, TellsSharedRulesOnce) {
  EXPECT_EQ(count(render_trace_text(traced(), false), "shared"), 1U);
}

TEST(TraceText, SaysWhatDiffers) {
  TraceReport report = traced();
  report.engines[1].judgement = Judgement::kDiverges;
  report.engines[1].difference.add(DifferenceKind::kTtl, "TTL 64, expected 63");
  const std::string text = render_trace_text(report, false);
  EXPECT_NE(text.find("TTL 64, expected 63"), std::string::npos);
  EXPECT_NE(text.find("they do NOT agree"), std::string::npos);
}

TEST(TraceJson, HasEveryColumn) {
  TraceReport report = traced();
  report.captured = column("captured");
  const auto json = nlohmann::json::parse(render_trace_json(report));
  EXPECT_EQ(json["verdict"], "equivalent");
  EXPECT_EQ(json["reference"]["outcomes"][1]["endpoint"], "10.180.0.2:80");
  EXPECT_EQ(json["reference"]["outcomes"][1]["masquerade"], true);
  EXPECT_EQ(json["engines"][1]["name"], "ebpf-tc");
  EXPECT_EQ(json["engines"][1]["agrees"], true);
  EXPECT_EQ(json["captured"]["verdict"], "dnat");
}

}  // namespace
}  // namespace kubeproof
