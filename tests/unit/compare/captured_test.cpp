#include "replay/compare/captured.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"
#include "tests/unit/compare/scripted_oracle.h"

namespace kubeproof {
namespace {

Bytes request() {
  return PacketBuilder::udp("10.0.0.1:4000", "10.96.0.10:53").build();
}
Bytes translated() {
  return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53").ttl(63).build();
}

class CapturedCheckTest : public testing::Test {
 protected:
  CapturedCheckTest() {
    captured_.ingress = Ingress{kUplink.interface};
    captured_.packet = request();
    captured_.departures_complete = true;
  }
  void departed(std::optional<uint32_t> interface, Bytes packet) {
    captured_.departures.push_back({interface, std::move(packet), {}, false});
  }
  Judgement judgement() { return check_.check(captured_)->judgement; }

  World world_ = small_world();
  OracleScript script_;
  CapturedCheck check_{std::make_unique<ScriptedOracle>(script_), world_};
  CapturedPacket captured_;
};

TEST_F(CapturedCheckTest, WantsADepartureToBePermitted) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  departed(kPod1.interface, translated());
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  captured_.departures[0].packet = request();
  EXPECT_EQ(judgement(), Judgement::kDiverges);
}

TEST_F(CapturedCheckTest, HoldsTheInterfaceToThePlaceWhereItIsKnown) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  departed(std::nullopt, translated());
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  captured_.departures[0].interface = kPod2.interface;
  EXPECT_EQ(judgement(), Judgement::kDiverges);
}

TEST_F(CapturedCheckTest, WantsADropOrADeliveryWhereNothingLeft) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  EXPECT_EQ(judgement(), Judgement::kDiverges);
  script_.outcomes = {outcome_of(permitted(Place::sockets(), request()))};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  script_.outcomes = {Outcome{}};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
}

TEST_F(CapturedCheckTest, TakesWhatCameOverLoopbackForDelivered) {
  departed(std::nullopt, translated());
  captured_.departures[0].loopback = true;
  script_.outcomes = {outcome_of(permitted(Place::sockets(), translated()))};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  script_.outcomes = {outcome_of(permitted(Place::sockets(), request()))};
  EXPECT_EQ(judgement(), Judgement::kDiverges);
}

TEST_F(CapturedCheckTest, LetsARuleForInputTakeWhatCameOverLoopback) {
  departed(std::nullopt, request());
  captured_.departures[0].loopback = true;
  script_.outcomes = {Outcome{}};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
}

TEST_F(CapturedCheckTest, HoldsARejectionOverLoopbackToTheRules) {
  const Bytes error = PacketBuilder::icmp("192.168.0.2", "10.0.0.1", 3, 3).build();
  departed(std::nullopt, error);
  captured_.departures[0].is_answer = true;
  captured_.departures[0].loopback = true;
  Outcome rejection = outcome_of(permitted(Place::sockets(), error));
  rejection.rejected = true;
  script_.outcomes = {rejection};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  captured_.departures[0].packet = PacketBuilder::icmp("192.168.0.2", "10.0.0.1", 3, 1).build();
  EXPECT_EQ(judgement(), Judgement::kDiverges);
}

TEST_F(CapturedCheckTest, TakesTheAnswerOfASocketForNoPartOfTheFate) {
  departed(std::nullopt, PacketBuilder::icmp("192.168.0.2", "10.0.0.1", 3, 3).build());
  captured_.departures[0].is_answer = true;
  script_.outcomes = {outcome_of(permitted(Place::sockets(), request()))};
  EXPECT_EQ(judgement(), Judgement::kAgrees);
  script_.outcomes = {Outcome{}};
  EXPECT_EQ(judgement(), Judgement::kDiverges);
}

TEST_F(CapturedCheckTest, SaysNothingWhereTheCaptureDoesNotShow) {
  captured_.departures_complete = false;
  EXPECT_EQ(check_.check(captured_), nullptr);
  EXPECT_TRUE(script_.commits.empty());
}

}  // namespace
}  // namespace kubeproof
