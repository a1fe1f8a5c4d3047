#include "replay/report/case_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "replay/report/case_text.h"
#include "replay/report/traffic_cell.h"

namespace kubeproof {
namespace {

CaseReport passing(const std::string& file) {
  CaseReport one;
  one.file = file;
  one.name = file;
  one.steps = 3;
  one.expectations = 2;
  ColumnReport column;
  column.name = "ebpf-tc";
  column.packets = 8;
  column.agree = 8;
  one.report.engines.push_back(column);
  return one;
}

CaseReport failing_expectation() {
  CaseReport one = passing("web.yaml");
  StepReport& step = one.failed.emplace_back();
  step.number = 2;
  step.what = "flow from 10.0.0.1 (uplink) to 10.96.0.10:80, TCP";
  step.expected = "drop";
  step.failures.push_back({FailureKind::kPermitted,
                           "netfilter, ebpf-tc",
                           "verdict dnat, expected drop",
                           {"nat KUBE-SERVICES rule 3"}});
  step.fates.push_back({"ebpf-tc", "out of eth0: a packet", {"picked endpoint 4"}});
  return one;
}

CaseReport diverging() {
  CaseReport one = passing("dns.yaml");
  one.report.engines[0].agree = 7;
  one.report.engines[0].diverge = 1;
  DivergenceReport& divergence = one.report.engines[0].divergences.emplace_back();
  divergence.number = 1;
  divergence.step = 3;
  divergence.source = "dns.yaml step 3 packet 2";
  divergence.disagreement.seen = "dropped";
  StepReport& step = one.failed.emplace_back();
  step.number = 3;
  step.what = "flow";
  return one;
}

RunReport run_of(std::vector<CaseReport> cases) {
  RunReport report;
  report.cases = std::move(cases);
  return report;
}

size_t place_of(const std::string& text, std::string_view part) {
  EXPECT_NE(text.find(part), std::string::npos) << part << " is missing in\n" << text;
  return text.find(part);
}

TEST(RunVerdict, IsThatOfTheWorstCase) {
  EXPECT_EQ(verdict_of(run_of({passing("a"), passing("b")})), RunVerdict::kEquivalent);
  EXPECT_EQ(verdict_of(run_of({passing("a"), failing_expectation()})), RunVerdict::kDivergent);
  EXPECT_EQ(verdict_of(run_of({passing("a"), diverging()})), RunVerdict::kDivergent);
  CaseReport incomplete = passing("c");
  incomplete.report.engines[0].status = ColumnStatus::kFailed;
  EXPECT_EQ(verdict_of(run_of({incomplete, passing("a")})), RunVerdict::kIncomplete);
  EXPECT_EQ(verdict_of(run_of({incomplete, diverging()})), RunVerdict::kDivergent);
}

TEST(CaseText, HasOneLineForACaseThatPasses) {
  const std::string text = render_text(run_of({passing("a.yaml"), passing("b.yaml")}), false);
  EXPECT_NE(text.find("\nok      a.yaml  (2 expectations, 8 packets)\nok      b.yaml"),
            std::string::npos)
      << text;
}

TEST(CaseText, TellsOfAFailedStepWhatWasExpectedWhatWasDoneAndWhichRulesDecided) {
  const std::string text = render_text(run_of({failing_expectation(), passing("b.yaml")}), false);
  const size_t line = place_of(text, "FAILED  web.yaml");
  const size_t step = place_of(text, "step 2: flow from 10.0.0.1 (uplink) to 10.96.0.10:80, TCP");
  const size_t expected = place_of(text, "expected   drop");
  const size_t reference = place_of(text, "reference  verdict dnat, expected drop");
  const size_t rules = place_of(text, "rules      nat KUBE-SERVICES rule 3");
  const size_t engine = place_of(text, "ebpf-tc    out of eth0: a packet");
  place_of(text, "picked endpoint 4");
  EXPECT_TRUE(line < step && step < expected && expected < reference && reference < rules &&
              rules < engine && engine < place_of(text, "ok      b.yaml"));
}

TEST(CaseText, ShowsADivergenceUnderItsStep) {
  const std::string text = render_text(run_of({diverging()}), false);
  EXPECT_LT(place_of(text, "step 3: flow"),
            place_of(text, "ebpf-tc differs: dns.yaml step 3 packet 2"));
}

TEST(CaseText, NamesAnEngineThatCannotRunWithWhatItLacks) {
  CaseReport one = passing("a.yaml");
  ColumnReport& skipped = one.report.engines.emplace_back();
  skipped.name = "netfilter";
  skipped.status = ColumnStatus::kSkipped;
  skipped.reason = "needs CAP_NET_ADMIN";
  place_of(render_text(run_of({one}), false), "netfilter skipped: needs CAP_NET_ADMIN");
}

CaseReport reaching_all_but(const std::vector<TrafficCell>& exceptions) {
  CaseReport one = passing("a.yaml");
  CellCounts& cells = one.report.engines[0].cells;
  for (const TrafficCell& cell : unreached_cells(CellCounts())) cells[cell] = 1;
  for (const TrafficCell& cell : exceptions) cells[cell] = 0;
  return one;
}

TEST(CaseText, NamesTheCellsOfServicesThatSeveralCasesNeverReached) {
  std::vector<TrafficCell> never = {{ServiceKind::kExternalIp, Origin::kPodElsewhere, Family::kIpv6,
                                     CellProtocol::kSctp, CellPolicy::kLocal}};
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const CellProtocol protocol : kServiceProtocols) {
      never.push_back({ServiceKind::kClusterIp, Origin::kHost, family, protocol});
    }
  }
  const CaseReport one = reaching_all_but(never);
  place_of(render_text(run_of({one, passing("b.yaml")}), false),
           "\n  reached 233 of 240 cells of services; never\n"
           "    ClusterIP, host: all\n"
           "    ExternalIP Local, pod elsewhere: IPv6 SCTP\n");
  place_of(render_text(run_of({reaching_all_but({}), passing("b.yaml")}), false),
           "\n  reached all 240 cells of services\n");
  EXPECT_EQ(render_text(run_of({one}), false).find("reached"), std::string::npos) << "of one case";
}

TEST(CaseText, TellsOfCasesThatReachLittleHowManyCellsAlone) {
  CaseReport one = passing("a.yaml");
  one.report.engines[0]
      .cells[{ServiceKind::kNodePort, Origin::kHost, Family::kIpv4, CellProtocol::kTcp}] = 8;
  const std::string text = render_text(run_of({one, passing("b.yaml")}), false);
  place_of(text, "\n  reached 1 of 240 cells of services\n");
  EXPECT_EQ(text.find("LoadBalancer"), std::string::npos) << text;
}

TEST(CaseText, NamesFilesThatWerePassedOver) {
  RunReport report = run_of({passing("a.yaml")});
  report.passed_over = {"corpus/cluster.yaml"};
  place_of(render_text(report, false), "no case: corpus/cluster.yaml");
}

TEST(CaseJson, HoldsCasesWithTheirFailedStepsAndEngines) {
  const auto json = nlohmann::json::parse(render_json(run_of({failing_expectation()})));
  EXPECT_EQ(json.at("command"), "run");
  EXPECT_EQ(json.at("verdict"), "divergent");
  EXPECT_EQ(json.at("exit_status"), 1);
  const auto& one = json.at("cases").at(0);
  EXPECT_EQ(one.at("file"), "web.yaml");
  EXPECT_EQ(one.at("verdict"), "divergent");
  EXPECT_EQ(one.at("expectations"), 2);
  EXPECT_EQ(one.at("engines").at(0).at("name"), "ebpf-tc");
  const auto& step = one.at("failed_steps").at(0);
  EXPECT_EQ(step.at("step"), 2);
  EXPECT_EQ(step.at("expected"), "drop");
  EXPECT_EQ(step.at("failures").at(0).at("kind"), "permitted");
  EXPECT_EQ(step.at("failures").at(0).at("engine"), "netfilter, ebpf-tc");
  EXPECT_EQ(step.at("fates").at(0).at("seen"), "out of eth0: a packet");
}

}  // namespace
}  // namespace kubeproof
