#include "replay/run/run_case.h"

#include <gtest/gtest.h>

#include "tests/unit/case/case_fixture.h"
#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

constexpr const char* kFlow =
    "  - flow: { from: 10.0.0.1, to: \"10.96.0.10:80\", protocol: UDP, reply: false }\n";

class RunCase : public CaseTest {
 protected:
  CaseReport run(const std::string& steps) {
    auto report = try_run(steps);
    EXPECT_TRUE(report) << report.error().message;
    return report ? *std::move(report) : CaseReport{};
  }

  Result<CaseReport> try_run(const std::string& steps) {
    const Case one = read(with_steps(steps));
    return run_case(
        one,
        [&]() -> Result<std::vector<EngineChoice>> {
          std::vector<EngineChoice> choices;
          auto engine =
              std::make_unique<FakeEngine>("fake", [&](const Injection& injection, Fate& fate) {
                injected_.emplace_back(injection.packet.begin(), injection.packet.end());
                behaviour_(injection, fate);
              });
          advanced_ = &engine->advanced;
          explained_ = &engine->explaining;
          choices.push_back({"fake", false, std::move(engine)});
          ++started_;
          return choices;
        },
        [&] { return std::make_unique<FakeOracle>(pass_on); });
  }

  // What enters at the uplink leaves there again.
  static void pass_on(const Injection& injection, Fate& fate) {
    Bytes packet(injection.packet.begin(), injection.packet.end());
    auto view = parse_packet(packet);
    decrement_ttl(packet, *view);
    fate.add_emission(kUplink, packet);
  }
  static void drop(const Injection& /*injection*/, Fate& /*fate*/) {}

  Behaviour behaviour_ = pass_on;
  std::vector<Bytes> injected_;
  const std::chrono::nanoseconds* advanced_ = nullptr;
  const bool* explained_ = nullptr;
  int started_ = 0;
};

TEST_F(RunCase, PassesWhereTheEngineAgreesAndNothingIsExpected) {
  const CaseReport report = run(kFlow);
  EXPECT_EQ(verdict_of(report), RunVerdict::kEquivalent);
  EXPECT_EQ(report.steps, 1U);
  EXPECT_EQ(report.expectations, 0U);
  EXPECT_EQ(report.report.engines.at(0).packets, 1U);
  EXPECT_EQ(started_, 1);
}

TEST_F(RunCase, NamesTheStepThatDiverged) {
  behaviour_ = [](const Injection& injection, Fate& fate) {
    if (parse_packet(injection.packet)->ttl != 3) pass_on(injection, fate);
  };
  const CaseReport report =
      run(std::string(kFlow) + "  - flow: { from: 10.0.0.1, to: \"10.96.0.10:80\", ttl: 3 }\n");
  EXPECT_EQ(verdict_of(report), RunVerdict::kDivergent);
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].number, 2U);
  EXPECT_EQ(report.failed[0].what, "flow from 10.0.0.1 (uplink (eth0)) to 10.96.0.10:80, TCP");
  EXPECT_EQ(report.report.engines.at(0).divergences.at(0).step, 2U);
}

TEST_F(RunCase, RunsAFailedCaseAgainWithExplanations) {
  behaviour_ = drop;
  const CaseReport report = run(kFlow);
  EXPECT_EQ(started_, 2);
  EXPECT_EQ(report.report.engines.at(0).divergences.at(0).decisions,
            std::vector<std::string>{"as the test says"});
}

TEST_F(RunCase, HoldsFlowsToTheirExpectation) {
  const CaseReport report = run(std::string(kFlow) + "    expect: { verdict: drop }\n");
  EXPECT_EQ(verdict_of(report), RunVerdict::kDivergent);
  EXPECT_EQ(report.expectations, 1U);
  ASSERT_EQ(report.failed.size(), 1U);
  EXPECT_EQ(report.failed[0].expected, "drop");
  EXPECT_EQ(report.failed[0].failures.size(), 2U);  // the reference's set, the engine's fate
}

TEST_F(RunCase, GivesEveryFlowASourcePortOfItsOwn) {
  run("  - flow: { from: 10.0.0.1, to: \"10.96.0.10:80\", reply: false, repeat: 3 }\n"
      "  - flow: { from: 10.0.0.1, to: \"10.96.0.10:80\", reply: false }\n"
      "  - flow: { from: 10.0.0.1, to: \"10.96.0.10:80\", reply: false, sourcePort: 7, repeat: 2 "
      "}\n");
  std::vector<uint16_t> ports;
  for (const Bytes& packet : injected_) ports.push_back(parse_packet(packet)->source_port);
  EXPECT_EQ(ports, (std::vector<uint16_t>{40000, 40001, 40002, 40003, 7, 8}));
}

TEST_F(RunCase, GivesAPacketStepAsItIs) {
  run("  - packet: { ingress: uplink, hex: \"4500001c000040004011d2b50a0000010a60000a0fa00050"
      "00084e3d\" }\n");
  ASSERT_EQ(injected_.size(), 1U);
  EXPECT_EQ(parse_packet(injected_[0])->source_port, 4000);
}

TEST_F(RunCase, LetsTimePass) {
  std::chrono::nanoseconds advanced{};
  behaviour_ = [&](const Injection& injection, Fate& fate) {
    advanced = *advanced_;
    pass_on(injection, fate);
  };
  run(std::string("  - advance: 90m\n") + kFlow);
  EXPECT_EQ(advanced, std::chrono::minutes(90));
}

TEST_F(RunCase, WillNotDeleteWhatIsNotThere) {
  const auto report = try_run("  - delete: [{ kind: Service, namespace: default, name: web }]\n");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::kBadInput);
  EXPECT_NE(report.error().message.find("step 1: there is no Service default/web to delete"),
            std::string::npos)
      << report.error().message;
}

}  // namespace
}  // namespace kubeproof
