#include "replay/run/flow_check.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

const Bytes kOpening = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().build();

Outcome to(std::string_view destination) {
  Outcome outcome =
      outcome_of(permitted(kPod1, PacketBuilder::tcp("10.0.0.1:4000", destination).syn().build()));
  outcome.endpoint = SocketAddress::parse(destination).value();
  outcome.trace = {"a rule"};
  return outcome;
}

Fate fate_to(std::string_view destination, std::string_view source = "10.0.0.1:4000") {
  return fate_of(kPod1, PacketBuilder::tcp(source, destination).syn().build());
}

Expectation dnat_to(std::string_view destination) {
  Expectation expectation;
  expectation.verdict = ExpectedVerdict::kDnat;
  expectation.endpoints = {{SocketAddress::parse(destination).value(), std::nullopt}};
  expectation.masquerade = false;
  return expectation;
}

class FlowCheckTest : public testing::Test {
 protected:
  void flow(std::string_view engine, const Outcome& outcome, const Fate& fate) {
    const Injection injection{Ingress{kUplink.interface}, kOpening, 0};
    check_.permitted(engine, injection, std::span(&outcome, 1));
    check_.taken(engine, injection, fate);
  }

  World world_ = small_world();
  std::optional<Expectation> expectation_ = dnat_to("10.180.0.1:8080");
  FlowCheck check_{world_, expectation_};
};

TEST_F(FlowCheckTest, FindsNothingWhereAllIsAsExpected) {
  flow("netfilter", to("10.180.0.1:8080"), fate_to("10.180.0.1:8080"));
  check_.conclude();
  EXPECT_TRUE(check_.failures().empty());
  EXPECT_EQ(check_.checked(), 1U);
}

TEST_F(FlowCheckTest, CountsNothingAsCheckedWhereNoEngineRan) {
  check_.conclude();
  EXPECT_EQ(check_.checked(), 0U);
}

TEST_F(FlowCheckTest, BlamesTheReferenceForWhatItPermits) {
  flow("netfilter", to("10.180.0.2:8080"), fate_to("10.180.0.1:8080"));
  flow("ebpf-tc", to("10.180.0.2:8080"), fate_to("10.180.0.1:8080"));
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].kind, FailureKind::kPermitted);
  EXPECT_EQ(check_.failures()[0].engine, "netfilter, ebpf-tc");
  EXPECT_EQ(check_.failures()[0].rules, std::vector<std::string>{"a rule"});
}

TEST_F(FlowCheckTest, BlamesAnEngineForWhatItDoes) {
  flow("netfilter", to("10.180.0.1:8080"), fate_to("10.180.0.1:8080"));
  flow("ebpf-tc", to("10.180.0.1:8080"), fate_to("10.180.0.2:8080"));
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].kind, FailureKind::kSeen);
  EXPECT_EQ(check_.failures()[0].engine, "ebpf-tc");
  EXPECT_EQ(check_.failures()[0].text,
            "sent on to 10.180.0.2:8080, which is none of the expected endpoints");
}

TEST_F(FlowCheckTest, BlamesAnEngineForMasquerade) {
  flow("ebpf-tc", to("10.180.0.1:8080"), fate_to("10.180.0.1:8080", "192.168.0.2:4000"));
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].text, "sent on from 192.168.0.2, expected 10.0.0.1");
}

TEST_F(FlowCheckTest, BlamesAnEngineForMasqueradeThatIsMissing) {
  expectation_->masquerade = true;
  Outcome masqueraded = to("10.180.0.1:8080");
  masqueraded.masquerade = true;
  flow("ebpf-tc", masqueraded, fate_to("10.180.0.1:8080"));
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].text, "sent on from 10.0.0.1, expected an address of the node");
}

TEST_F(FlowCheckTest, BlamesAnEngineForItsVerdict) {
  flow("ebpf-tc", to("10.180.0.1:8080"), Fate{});
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].text, "verdict drop, expected dnat");
}

TEST_F(FlowCheckTest, KeepsWhatTheEngineDidWithTheFlowThatFailed) {
  flow("ebpf-tc", to("10.180.0.1:8080"), fate_to("10.180.0.1:8080"));
  flow("ebpf-tc", to("10.180.0.1:8080"), Fate{});
  ASSERT_EQ(check_.fates().size(), 1U);
  EXPECT_EQ(check_.fates()[0].seen, "dropped");
}

TEST_F(FlowCheckTest, HoldsManyFlowsToTheirDistributionWithoutAnyExpectation) {
  expectation_.reset();
  std::vector<Outcome> both = {to("10.180.0.1:8080"), to("10.180.0.2:8080")};
  for (Outcome& outcome : both) outcome.probability = 0.5;
  const Injection injection{Ingress{kUplink.interface}, kOpening, 0};
  for (int i = 0; i < 200; ++i) {
    check_.permitted("ebpf-tc", injection, both);
    check_.taken("ebpf-tc", injection, fate_to("10.180.0.1:8080"));
  }
  check_.conclude();
  ASSERT_EQ(check_.failures().size(), 1U);
  EXPECT_EQ(check_.failures()[0].kind, FailureKind::kDistribution);
  EXPECT_EQ(check_.checked(), 1U);
}

}  // namespace
}  // namespace kubeproof
