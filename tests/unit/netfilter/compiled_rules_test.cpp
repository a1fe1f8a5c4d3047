#include "model/netfilter/compiled_rules.h"

#include <gtest/gtest.h>

#include "tests/unit/netfilter/rule_builder.h"

namespace kubeproof::netfilter {
namespace {

Result<CompiledRules> compile(const Ruleset& ruleset) {
  static ListNames lists;
  return CompiledRules::compile(std::make_shared<Ruleset>(ruleset), lists);
}

TEST(CompiledRulesTest, AJumpToAChainThatDoesNotExistIsAnError) {
  Ruleset ruleset = ruleset_with({TableName::kFilter});
  chain_of(ruleset, TableName::kFilter, "FORWARD") = {RuleBuilder().jump("NOWHERE")};
  const auto compiled = compile(ruleset);
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().message,
            "table filter: a rule jumps to chain NOWHERE, which does not exist");
}

TEST(CompiledRulesTest, ChainsThatJumpInCirclesAreAnError) {
  Ruleset ruleset = ruleset_with({TableName::kFilter});
  chain_of(ruleset, TableName::kFilter, "A") = {RuleBuilder().accept(), RuleBuilder().jump("B")};
  chain_of(ruleset, TableName::kFilter, "B");
  chain_of(ruleset, TableName::kFilter, "C") = {RuleBuilder().jump("B"), RuleBuilder().jump("B")};
  EXPECT_TRUE(compile(ruleset)) << "two ways to one chain are no circle";
  chain_of(ruleset, TableName::kFilter, "B") = {RuleBuilder().jump("A")};
  EXPECT_FALSE(compile(ruleset));
}

TEST(CompiledRulesTest, ChainsOfTablesAreTheirOwn) {
  Ruleset ruleset = ruleset_with({TableName::kFilter, TableName::kNat});
  chain_of(ruleset, TableName::kNat, "KUBE-SERVICES");
  chain_of(ruleset, TableName::kFilter, "FORWARD") = {RuleBuilder().jump("KUBE-SERVICES")};
  EXPECT_FALSE(compile(ruleset));
}

TEST(CompiledRulesTest, ChainsThatCanDoNothingAreNoEntries) {
  Ruleset ruleset = ruleset_with({TableName::kFilter});
  EXPECT_FALSE(compile(ruleset)->entry(TableName::kFilter, Hook::kForward));
  ruleset.tables[0].find("FORWARD")->policy = Policy::kDrop;
  EXPECT_TRUE(compile(ruleset)->entry(TableName::kFilter, Hook::kForward));
  EXPECT_FALSE(compile(ruleset)->entry(TableName::kNat, Hook::kOutput));
}

TEST(CompiledRulesTest, KnowsTheListsThatRulesName) {
  Ruleset ruleset = ruleset_with({TableName::kFilter});
  ListNames lists;
  chain_of(ruleset, TableName::kFilter, "A") = {RuleBuilder().set("ONE").accept(),
                                                RuleBuilder().recheck("TWO", 5).accept()};
  const auto compiled = CompiledRules::compile(std::make_shared<Ruleset>(ruleset), lists);
  EXPECT_EQ(compiled->lists(), (std::unordered_set<ListId>{lists.id("ONE"), lists.id("TWO")}));
}

}  // namespace
}  // namespace kubeproof::netfilter
