#include "replay/engine/reference.h"

#include "tests/unit/engine/reference_fixture.h"

namespace kubeproof {
namespace {

class ReferenceTest : public ReferenceFixture {};

TEST_F(ReferenceTest, ServiceTrafficGoesToEveryEndpointWithEvenOdds) {
  add_service("web", "10.96.0.10:80");
  add_endpoint("web", "10.180.0.10:8080");
  add_endpoint("web", "10.180.1.7:8080");
  add_endpoint("web", "10.180.1.8:8080");
  program();
  evaluate(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().build());
  EXPECT_EQ(endpoints(),
            (std::set<std::string>{"10.180.0.10:8080", "10.180.1.7:8080", "10.180.1.8:8080"}));
  for (const Outcome& outcome : outcomes_) EXPECT_NEAR(outcome.probability, 1.0 / 3, 1e-8);
}

TEST_F(ReferenceTest, ServiceTrafficIsForwardedToTheEndpointAndItsRepliesBack) {
  add_service("web", "10.96.0.10:80");
  add_endpoint("web", "10.180.1.7:8080");
  program();
  const Bytes request =
      pass(kPod1, PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().build());
  EXPECT_EQ(request,
            PacketBuilder::tcp("10.180.0.9:4000", "10.180.1.7:8080").syn().ttl(63).build());

  const Outcome& reply = only_outcome(
      kUplink, PacketBuilder::tcp("10.180.1.7:8080", "10.180.0.9:4000").syn().ack(2).build());
  ASSERT_EQ(reply.emissions.size(), 1U);
  EXPECT_EQ(reply.emissions[0].place, Place{kPod1});
  EXPECT_EQ(reply.emissions[0].packet,
            PacketBuilder::tcp("10.96.0.10:80", "10.180.0.9:4000").syn().ack(2).ttl(63).build());
}

TEST_F(ReferenceTest, LaterPacketsStayOnTheEndpointThatWasTaken) {
  add_service("web", "10.96.0.10:80");
  add_endpoint("web", "10.180.1.7:8080");
  add_endpoint("web", "10.180.1.8:8080");
  program();
  const auto syn = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().build();
  pass_to("10.180.1.8:8080", kPod1, syn);
  EXPECT_EQ(endpoints_of(pass(kPod1, syn)), "10.180.0.9:4000 > 10.180.1.8:8080");
}

TEST_F(ReferenceTest, EvaluatingChangesNothing) {
  add_service("web", "10.96.0.10:80");
  add_endpoint("web", "10.180.1.7:8080");
  add_endpoint("web", "10.180.1.8:8080");
  program();
  const auto syn = PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().build();
  EXPECT_EQ(evaluate(kPod1, syn).size(), 2U);
  EXPECT_EQ(evaluate(kPod1, syn).size(), 2U);
}

}  // namespace
}  // namespace kubeproof
