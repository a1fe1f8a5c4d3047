#include "replay/engine/reference_engine.h"

#include <gtest/gtest.h>

#include <map>

#include "model/packet/checksum.h"
#include "tests/unit/compare/compare_fixture.h"
#include "tests/unit/compare/scripted_oracle.h"

namespace kubeproof {
namespace {

Bytes packet_to(std::string_view to) {
  return PacketBuilder::udp("192.168.0.2:0", to).build();
}

class ReferenceEngineTest : public testing::Test {
 protected:
  Fate inject() {
    const Bytes packet = packet_to("10.96.0.10:53");
    Fate fate;
    EXPECT_TRUE(engine_.inject({Ingress::host(), packet, 0}, fate));
    return fate;
  }

  OracleScript script_;
  ReferenceEngine engine_{std::make_unique<ScriptedOracle>(script_), 1};
};

TEST_F(ReferenceEngineTest, TakesOutcomesAsOftenAsTheyAreProbable) {
  script_.outcomes = {outcome_of(permitted(kPod1, packet_to("10.180.0.1:53"))),
                      outcome_of(permitted(kPod2, packet_to("10.180.0.2:53")))};
  script_.outcomes[0].probability = 0.25;
  script_.outcomes[1].probability = 0.75;
  std::map<uint32_t, int> times;
  for (int i = 0; i < 1000; ++i) ++times[inject()[0].place.interface];
  EXPECT_NEAR(times[kPod1.interface], 250, 60);
  EXPECT_NEAR(times[kPod2.interface], 750, 60);
}

TEST_F(ReferenceEngineTest, CommitsToWhatItTook) {
  script_.outcomes = {outcome_of(permitted(kPod1, packet_to("10.180.0.1:53")))};
  inject();
  ASSERT_EQ(script_.commits.size(), 1U);
  EXPECT_EQ(script_.commits[0][0].outcome, 0U);
}

TEST_F(ReferenceEngineTest, DrawsAFreePortAndKeepsTheChecksumRight) {
  script_.outcomes = {
      outcome_of(with_free_port(permitted(kPod1, packet_to("10.180.0.1:53")), 2000, 2003))};
  const Fate fate = inject();
  const auto view = parse_packet(fate[0].packet);
  EXPECT_GE(view->source_port, 2000);
  EXPECT_LE(view->source_port, 2003);
  EXPECT_EQ(check_checksums(fate[0].packet).transport, ChecksumState::kRight);
  EXPECT_EQ(script_.commits[0][0].ports[0], view->source_port);
}

TEST_F(ReferenceEngineTest, DrawsAgainWhenThePortIsTaken) {
  script_.outcomes = {
      outcome_of(with_free_port(permitted(kPod1, packet_to("10.180.0.1:53")), 2000, 2003))};
  script_.refusal = "taken";
  EXPECT_EQ(inject().size(), 1U);
  EXPECT_EQ(script_.commits.size(), 1U);
}

}  // namespace
}  // namespace kubeproof
