#include "replay/session/expectation.h"

#include <gtest/gtest.h>

#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {
namespace {

Outcome to_endpoint(std::string_view endpoint, bool masquerade = false) {
  Outcome outcome =
      outcome_of(permitted(kPod1, PacketBuilder::tcp("10.0.0.1:4000", endpoint).build()));
  outcome.endpoint = SocketAddress::parse(endpoint).value();
  outcome.masquerade = masquerade;
  return outcome;
}

ExpectedEndpoint endpoint(std::string_view text, std::optional<bool> masquerade = std::nullopt) {
  return {SocketAddress::parse(text).value(), masquerade};
}

Expectation dnat_to(std::vector<ExpectedEndpoint> endpoints) {
  Expectation expectation;
  expectation.verdict = ExpectedVerdict::kDnat;
  expectation.endpoints = std::move(endpoints);
  return expectation;
}

bool met(const Expectation& expectation, const std::vector<Outcome>& outcomes) {
  return !check_expectation(expectation, outcomes).has_value();
}

TEST(Expectation, WantsTheWholeSetOfEndpoints) {
  const std::vector<Outcome> outcomes = {to_endpoint("10.180.0.1:80"),
                                         to_endpoint("10.180.0.2:80")};
  EXPECT_TRUE(met(dnat_to({endpoint("10.180.0.2:80"), endpoint("10.180.0.1:80")}), outcomes));
  EXPECT_FALSE(met(dnat_to({endpoint("10.180.0.1:80")}), outcomes));
  EXPECT_FALSE(met(
      dnat_to({endpoint("10.180.0.1:80"), endpoint("10.180.0.2:80"), endpoint("10.180.0.3:80")}),
      outcomes));
}

TEST(Expectation, NamesBothSetsWhenTheyDiffer) {
  EXPECT_EQ(check_expectation(dnat_to({endpoint("10.180.0.2:80")}),
                              std::vector{to_endpoint("10.180.0.1:80", true)}),
            "endpoints permitted: 10.180.0.1:80 masqueraded; expected: 10.180.0.2:80");
}

TEST(Expectation, HoldsMasqueradePerEndpoint) {
  const std::vector<Outcome> outcomes = {to_endpoint("10.180.0.1:80", true),
                                         to_endpoint("10.180.0.2:80", false)};
  Expectation expectation = dnat_to({endpoint("10.180.0.1:80", true), endpoint("10.180.0.2:80")});
  expectation.masquerade = false;
  EXPECT_TRUE(met(expectation, outcomes));
  expectation = dnat_to({endpoint("10.180.0.1:80"), endpoint("10.180.0.2:80")});
  EXPECT_TRUE(met(expectation, outcomes));
  expectation.masquerade = false;
  EXPECT_FALSE(met(expectation, outcomes));
}

TEST(Expectation, HoldsMasqueradeWithoutAListOfEndpoints) {
  Expectation expectation;
  expectation.verdict = ExpectedVerdict::kDnat;
  expectation.masquerade = true;
  EXPECT_TRUE(met(expectation, {to_endpoint("10.180.0.1:80", true)}));
  EXPECT_FALSE(met(expectation, {to_endpoint("10.180.0.1:80", false)}));
}

TEST(Expectation, TellsTheFourVerdictsApart) {
  Outcome passes = outcome_of(permitted(kUplink, {}));
  Outcome rejects = outcome_of(permitted(kUplink, {}));
  rejects.rejected = true;
  const std::vector<std::pair<ExpectedVerdict, Outcome>> verdicts = {
      {ExpectedVerdict::kDnat, to_endpoint("10.180.0.1:80")},
      {ExpectedVerdict::kAccept, passes},
      {ExpectedVerdict::kDrop, Outcome{}},
      {ExpectedVerdict::kReject, rejects}};
  for (const auto& [expected, unused] : verdicts) {
    for (const auto& [actual, outcome] : verdicts) {
      Expectation expectation;
      expectation.verdict = expected;
      EXPECT_EQ(met(expectation, {outcome}), expected == actual)
          << to_string(expected) << " " << to_string(actual);
    }
  }
}

TEST(Expectation, FailsWhenOnlySomeOutcomesMeetIt) {
  Expectation expectation;
  expectation.verdict = ExpectedVerdict::kDnat;
  EXPECT_FALSE(met(expectation, {to_endpoint("10.180.0.1:80"), Outcome{}}));
}

}  // namespace
}  // namespace kubeproof
