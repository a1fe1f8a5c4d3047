#include "replay/compare/follower.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"
#include "tests/unit/compare/scripted_oracle.h"

namespace kubeproof {
namespace {

Bytes request() {
  return PacketBuilder::udp("10.0.0.1:4000", "10.96.0.10:53").build();
}
Bytes translated(std::string_view to = "10.180.0.1:53") {
  return PacketBuilder::udp("10.0.0.1:4000", to).ttl(63).build();
}
Bytes answer() {
  return PacketBuilder::udp("10.180.0.1:53", "10.0.0.1:4000").build();
}

class FollowerTest : public testing::Test {
 protected:
  const Judged& follow(const Bytes& packet, const Fate& fate) {
    return follower_.follow({Ingress{kUplink.interface}, packet, 0}, fate);
  }

  World world_ = small_world();
  OracleScript script_;
  Follower follower_{std::make_unique<ScriptedOracle>(script_), world_};
};

TEST_F(FollowerTest, CommitsToTheOutcomeThatTheEngineTook) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated())),
                      outcome_of(permitted(kPod2, translated("10.180.0.2:53")))};
  EXPECT_EQ(follow(request(), fate_of(kPod2, translated("10.180.0.2:53"))).judgement,
            Judgement::kAgrees);
  ASSERT_EQ(script_.commits.size(), 1U);
  ASSERT_EQ(script_.commits[0].size(), 1U);
  EXPECT_EQ(script_.commits[0][0].outcome, 1U);
}

TEST_F(FollowerTest, NumbersDivergences) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  EXPECT_EQ(follow(request(), Fate()).divergence, 1U);
  const Bytes other = PacketBuilder::udp("10.0.0.1:4001", "10.96.0.10:53").build();
  EXPECT_EQ(follow(other, Fate()).divergence, 2U);
  EXPECT_EQ(follower_.divergences(), 2U);
}

TEST_F(FollowerTest, TakesLaterDisagreementOfTheFlowForAConsequence) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  EXPECT_EQ(follow(request(), Fate()).judgement, Judgement::kDiverges);
  const Judged& second = follow(request(), Fate());
  EXPECT_EQ(second.judgement, Judgement::kConsequence);
  EXPECT_EQ(second.divergence, 1U);
  EXPECT_EQ(follower_.divergences(), 1U);
}

TEST_F(FollowerTest, TakesTheRepliesOfADivergedFlowForConsequences) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  follow(request(), Fate());
  script_.outcomes = {
      outcome_of(permitted(kUplink, PacketBuilder::udp("10.96.0.10:53", "10.0.0.1:4000").build()))};
  EXPECT_EQ(follow(answer(), Fate()).judgement, Judgement::kConsequence);
}

TEST_F(FollowerTest, CommitsToTheNearestOutcomeAfterADivergence) {
  script_.outcomes = {Outcome{}, outcome_of(permitted(kPod1, translated()))};
  const Bytes wrong = PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:54").ttl(63).build();
  EXPECT_EQ(follow(request(), fate_of(kPod1, wrong)).judgement, Judgement::kDiverges);
  ASSERT_EQ(script_.commits.size(), 1U);
  EXPECT_EQ(script_.commits[0][0].outcome, 1U);
}

TEST_F(FollowerTest, KeepsOpenWhatDoesNotShowInTheNearestOutcome) {
  script_.outcomes = {outcome_of(permitted(kPod2, translated())),
                      outcome_of(permitted(kPod1, translated())),
                      outcome_of(permitted(kPod1, translated()))};
  script_.outcomes[2].endpoint = SocketAddress::parse("10.180.0.1:53").value();
  const Bytes wrong = PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:54").ttl(63).build();
  EXPECT_EQ(follow(request(), fate_of(kPod1, wrong)).judgement, Judgement::kDiverges);
  ASSERT_EQ(script_.commits.size(), 1U);
  ASSERT_EQ(script_.commits[0].size(), 2U);
  EXPECT_EQ(script_.commits[0][0].outcome, 1U);
  EXPECT_EQ(script_.commits[0][1].outcome, 2U);
}

TEST_F(FollowerTest, TellsTheRulesOfTheNearestOutcome) {
  Outcome outcome = outcome_of(permitted(kPod1, translated()));
  outcome.trace = {"nat PREROUTING: -j KUBE-SERVICES"};
  script_.outcomes = {outcome};
  const Judged& judged = follow(request(), Fate());
  EXPECT_EQ(judged.disagreement.rules, outcome.trace);
  EXPECT_FALSE(script_.explaining);
}

TEST_F(FollowerTest, TakesAPortThatWasNotFreeForADivergence) {
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  script_.refusal = "port 4000 is held by another flow";
  const Judged& judged = follow(request(), fate_of(kPod1, translated()));
  EXPECT_EQ(judged.judgement, Judgement::kDiverges);
  ASSERT_EQ(judged.disagreement.difference.parts.size(), 1U);
  EXPECT_EQ(judged.disagreement.difference.parts[0].kind, DifferenceKind::kSourcePortNotUnique);
}

TEST_F(FollowerTest, HoldsEvenAPermittedFateToTheInvariants) {
  script_.outcomes = {outcome_of(permitted(kPod1, request()))};
  const Judged& judged = follow(request(), fate_of(kPod1, request()));
  EXPECT_EQ(judged.judgement, Judgement::kDiverges);
  EXPECT_EQ(judged.disagreement.difference.parts[0].kind, DifferenceKind::kTtl);
}

TEST_F(FollowerTest, SaysNothingWhereRulesDecideThatNobodyUnderstands) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided};
  EXPECT_EQ(follow(request(), Fate()).judgement, Judgement::kUndecided);
  EXPECT_EQ(follow(request(), fate_of(kPod1, translated())).judgement, Judgement::kUndecided);
  EXPECT_EQ(follower_.divergences(), 0U);
}

// What NAT did to the first packet is not known, so nothing can be said of the others.
TEST_F(FollowerTest, SaysNothingOfTheRestOfAFlowThatBeganUndecided) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided};
  EXPECT_EQ(follow(request(), fate_of(kPod1, translated())).judgement, Judgement::kUndecided);
  script_.outcomes = {Outcome{}};
  EXPECT_EQ(follow(request(), fate_of(kPod1, translated())).judgement, Judgement::kUndecided);
  EXPECT_EQ(follow(request(), Fate()).judgement, Judgement::kAgrees);
  const Bytes reply = PacketBuilder::udp("10.96.0.10:53", "10.0.0.1:4000").ttl(63).build();
  EXPECT_EQ(follow(answer(), fate_of(kUplink, reply)).judgement, Judgement::kUndecided);
  EXPECT_EQ(follower_.divergences(), 0U);
}

// What that flow may hold, this one would have to leave to it.
TEST_F(FollowerTest, SaysNothingOfPortsThatAFlowThatBeganUndecidedMayHold) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided};
  EXPECT_EQ(follow(request(), fate_of(kPod1, translated())).judgement, Judgement::kUndecided);
  script_.outcomes = {outcome_of(permitted(kPod1, translated()))};
  const Bytes other = PacketBuilder::udp("10.0.0.2:4000", "10.96.0.10:53").build();
  const Bytes redrawn = PacketBuilder::udp("10.0.0.1:4001", "10.180.0.1:53").ttl(63).build();
  EXPECT_EQ(follow(other, fate_of(kPod1, redrawn)).judgement, Judgement::kUndecided);
  script_.outcomes = {outcome_of(permitted(kPod2, translated("10.180.0.2:53")))};
  const Bytes third = PacketBuilder::udp("10.0.0.3:4000", "10.96.0.10:53").build();
  EXPECT_EQ(follow(third, fate_of(kPod1, redrawn)).judgement, Judgement::kDiverges);
}

// An unknown target may have changed anything of the packet.
TEST_F(FollowerTest, HoldsNoInvariantAgainstWhatNobodyUnderstands) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided};
  EXPECT_EQ(follow(request(), fate_of(kPod1, request())).judgement, Judgement::kUndecided);
  EXPECT_EQ(follower_.divergences(), 0U);
}

TEST_F(FollowerTest, KeepsAllThatMayHaveBeenChosenOnTheWayToWhatNobodyUnderstands) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided, Outcome{}, undecided};
  EXPECT_EQ(follow(request(), fate_of(kPod1, request())).judgement, Judgement::kUndecided);
  ASSERT_EQ(script_.commits.size(), 1U);
  ASSERT_EQ(script_.commits[0].size(), 2U);
  EXPECT_EQ(script_.commits[0][0].outcome, 0U);
  EXPECT_EQ(script_.commits[0][1].outcome, 2U);
}

// How the flow of the first packet is called where it came out was not seen.
TEST_F(FollowerTest, SaysNothingOfTheAnswersToAFlowThatBeganUndecided) {
  Outcome undecided;
  undecided.undecided = true;
  script_.outcomes = {undecided};
  EXPECT_EQ(follow(request(), Fate()).judgement, Judgement::kUndecided);
  script_.outcomes = {Outcome{}};
  const Bytes reply = PacketBuilder::udp("10.96.0.10:53", "10.0.0.1:4000").ttl(63).build();
  EXPECT_EQ(follow(answer(), fate_of(kUplink, reply)).judgement, Judgement::kUndecided);
  const Bytes other = PacketBuilder::udp("10.0.0.1:4001", "10.96.0.10:53").build();
  EXPECT_EQ(follow(other, fate_of(kUplink, reply)).judgement, Judgement::kDiverges);
}

TEST_F(FollowerTest, ComparesDatagramsWhole) {
  const auto datagram = [] {
    return PacketBuilder::udp("10.0.0.1:4000", "10.180.0.1:53")
        .ttl(63)
        .dont_fragment(false)
        .payload_size(100);
  };
  const std::vector<Bytes> fragments = datagram().build_fragments(64);
  ASSERT_EQ(fragments.size(), 2U);
  script_.outcomes = {Outcome{}};
  EXPECT_EQ(follow(fragments[0], fate_of(kPod1, fragments[0])).judgement, Judgement::kAgrees);
  script_.outcomes = {outcome_of(permitted(kPod1, datagram().build()))};
  EXPECT_EQ(follow(fragments[1], fate_of(kPod1, fragments[1])).judgement, Judgement::kAgrees);
}

TEST(FollowerWithLedger, CountsWhatADeviationCovers) {
  const World world = small_world();
  OracleScript script;
  Ledger ledger({{"drops", "drops everything", "a test", "none", "none",
                  [](const Disagreeing& disagreeing) { return disagreeing.seen.empty(); }}});
  Follower follower(std::make_unique<ScriptedOracle>(script), world, std::move(ledger));
  script.outcomes = {outcome_of(permitted(kPod1, translated()))};
  const Bytes packet = request();
  const Injection injection{Ingress{kUplink.interface}, packet, 0};
  const Judged& judged = follower.follow(injection, Fate());
  EXPECT_EQ(judged.judgement, Judgement::kDeviates);
  EXPECT_EQ(judged.deviation->id, "drops");
  EXPECT_EQ(follower.ledger().counts()[0].packets, 1U);
  EXPECT_EQ(follower.follow(injection, fate_of(kPod2, translated())).judgement,
            Judgement::kDiverges);
}

TEST(FollowerWithLedger, TakesNoteOfNothingThatIsLost) {
  const World world = small_world();
  OracleScript script;
  const auto nothing = [](const Disagreeing& disagreeing) { return disagreeing.seen.empty(); };
  for (const bool is_loss : {false, true}) {
    Ledger ledger({{"drops", "drops everything", "a test", "none", "none", nothing, is_loss}});
    Follower follower(std::make_unique<ScriptedOracle>(script), world, std::move(ledger));
    script.outcomes = {outcome_of(permitted(kPod1, translated()))};
    script.commits.clear();
    const Bytes packet = request();
    follower.follow({Ingress{kUplink.interface}, packet, 0}, Fate());
    EXPECT_EQ(script.commits.empty(), is_loss);
  }
}

}  // namespace
}  // namespace kubeproof
