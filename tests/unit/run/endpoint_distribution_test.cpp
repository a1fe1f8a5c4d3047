#include "replay/run/endpoint_distribution.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace kubeproof {
namespace {

SocketAddress endpoint(size_t i) {
  return {*IpAddress::parse("10.180.0." + std::to_string(i + 1)), 8080};
}

std::vector<Outcome> evenly(size_t endpoints) {
  std::vector<Outcome> outcomes(endpoints);
  for (size_t i = 0; i < endpoints; ++i) {
    outcomes[i].endpoint = endpoint(i);
    outcomes[i].probability = 1.0 / static_cast<double>(endpoints);
  }
  return outcomes;
}

// The flows that choose each endpoint this often.
EndpointDistribution chosen(const std::vector<size_t>& counts) {
  EndpointDistribution distribution;
  for (size_t i = 0; i < counts.size(); ++i) {
    for (size_t n = 0; n < counts[i]; ++n) {
      distribution.offer(evenly(counts.size()));
      distribution.choose(endpoint(i));
    }
  }
  return distribution;
}

TEST(EndpointDistribution, AcceptsWhatChanceExplains) {
  EXPECT_FALSE(chosen({200, 200}).check());
  EXPECT_FALSE(chosen({160, 240}).check());
  EXPECT_FALSE(chosen({60, 40, 50, 50}).check());
}

TEST(EndpointDistribution, RefusesASkewedChoice) {
  const auto wrong = chosen({300, 100}).check();
  ASSERT_TRUE(wrong);
  EXPECT_NE(wrong->find("in 400 new flows chose 10.180.0.1:8080 300 times (200 expected)"),
            std::string::npos)
      << *wrong;
  EXPECT_NE(wrong->find("1 degree of freedom"), std::string::npos) << *wrong;
}

TEST(EndpointDistribution, RefusesAnEndpointThatIsNeverChosenAmongMany) {
  std::vector<size_t> counts(40, 52);
  counts[7] = 0;
  const auto wrong = chosen(counts).check();
  ASSERT_TRUE(wrong);
  EXPECT_NE(wrong->find("never chose 10.180.0.8:8080"), std::string::npos) << *wrong;
}

TEST(EndpointDistribution, SaysNothingOfFewFlows) {
  const EndpointDistribution few = chosen({49, 0});
  EXPECT_FALSE(few.testable());
  EXPECT_FALSE(few.check());
  EXPECT_TRUE(chosen({100, 0}).testable());
}

TEST(EndpointDistribution, CountsNoFlowThatHadNoChoice) {
  EndpointDistribution distribution = chosen({100, 100});
  const std::vector<Outcome> both = evenly(2);
  for (int i = 0; i < 1000; ++i) {  // clients that an affinity leads
    distribution.offer(std::span(both).first(1));
    distribution.choose(endpoint(0));
  }
  EXPECT_FALSE(distribution.check());
}

TEST(EndpointDistribution, TakesTheProbabilitiesOfTheRules) {
  std::vector<Outcome> uneven = evenly(2);
  uneven[0].probability = 0.75;
  uneven[1].probability = 0.25;
  EndpointDistribution distribution;
  for (int i = 0; i < 400; ++i) {
    distribution.offer(uneven);
    distribution.choose(endpoint(i % 4 == 0 ? 1 : 0));
  }
  EXPECT_FALSE(distribution.check());
}

TEST(EndpointDistribution, AccusesNoFairChoiceInManyTrials) {
  std::mt19937 random(1);
  for (int trial = 0; trial < 3000; ++trial) {
    const size_t endpoints = 2 + static_cast<size_t>(trial % 9);
    std::vector<size_t> counts(endpoints);
    for (size_t flow = 0; flow < endpoints * 50; ++flow) ++counts[random() % endpoints];
    EXPECT_FALSE(chosen(counts).check());
  }
}

}  // namespace
}  // namespace kubeproof
