// kube-proxy's rules for a cluster with every feature, loaded into the kernel by both variants of
// the tools and saved again: the same rules, by their text and by the comparison.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "model/netfilter/save_text/parse_save_text.h"
#include "model/proxier/compare/compare_rules.h"
#include "replay/engine/child_process.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/proxier/every_feature.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Ruleset;
using netfilter::SaveText;

struct Tools {
  const char* prefix;  // "iptables-legacy"
  Family family;
};

// Tables by name, without what carries a date.
std::map<std::string, std::string> tables_of(const std::string& saved) {
  std::map<std::string, std::string> tables;
  std::string* table = nullptr;
  std::istringstream lines(saved);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '*') table = &tables[line];
    *table += line + "\n";
  }
  return tables;
}

class SavedProxyRules : public KernelTest,
                        public testing::WithParamInterface<std::tuple<Tools, NamedConfig>> {};

TEST_P(SavedProxyRules, AreTheSame) {
  const auto& [tools, named] = GetParam();
  const std::string prefix = tools.prefix;
  const auto rules = make_rules(tools.family, world(), EveryFeature().cluster(), named.config);
  ASSERT_TRUE(rules) << rules.error().message;
  const std::string text = to_text(*rules);
  const auto saved = space_->run([&]() -> Result<std::string> {
    auto loaded = run_child_checked({prefix + "-restore"}, text);
    if (!loaded) return loaded;
    return run_child_checked({prefix + "-save"}, "");
  });
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(tables_of(*saved), tables_of(text));

  const SaveText dump{prefix + "-save", *saved};
  const auto found = netfilter::parse_save_texts({&dump, 1});
  ASSERT_TRUE(found) << found.error().message;
  ASSERT_EQ(found->size(), 1U);
  const RuleComparison result = compare_rules(*rules, found->at(0));
  EXPECT_TRUE(result.same());
  EXPECT_EQ(result.foreign_rules, 0U);
}

INSTANTIATE_TEST_SUITE_P(EveryFeature, SavedProxyRules,
                         testing::Combine(testing::Values(Tools{"iptables-legacy", Family::kIpv4},
                                                          Tools{"ip6tables-legacy", Family::kIpv6},
                                                          Tools{"iptables-nft", Family::kIpv4},
                                                          Tools{"ip6tables-nft", Family::kIpv6}),
                                          testing::ValuesIn(every_config())),
                         [](const auto& info) {
                           std::string name = std::get<0>(info.param).prefix;
                           name.erase(name.find('-'), 1);
                           return name + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace kubeproof::proxier
