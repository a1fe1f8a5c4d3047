// The real tools' opinion of the text that we print.
#include <gtest/gtest.h>

#include <sstream>

#include "model/netfilter/rules_text.h"
#include "model/netfilter/save_text/parse_save_text.h"
#include "replay/engine/child_process.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/netfilter/every_rule.h"

namespace kubeproof::netfilter {
namespace {

// Tables in our order, without the comments that carry a date.
std::string normalised(const std::string& saved) {
  std::map<std::string, std::string> tables;
  std::string* table = nullptr;
  std::istringstream lines(saved);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    if (line[0] == '*') table = &tables[line];
    *table += line + "\n";
  }
  std::string all;
  for (const auto& [name, text] : tables) all += text;
  return all;
}

struct Tools {
  const char* prefix;  // "iptables-legacy"
  Family family;
};

class SavedRules : public KernelTest, public testing::WithParamInterface<Tools> {};

TEST_P(SavedRules, AreWhatWasLoaded) {
  const std::string prefix = GetParam().prefix;
  const std::string text = to_text(every_rule(GetParam().family));
  const auto saved = space_->run([&]() -> Result<std::string> {
    auto loaded = run_child_checked({prefix + "-restore"}, text);
    if (!loaded) return loaded;
    return run_child_checked({prefix + "-save"}, "");
  });
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_EQ(normalised(*saved), normalised(text));

  const SaveText dump{prefix + "-save", *saved};
  const auto parsed = parse_save_texts({&dump, 1});
  ASSERT_TRUE(parsed) << parsed.error().message;
  ASSERT_EQ(parsed->size(), 1U);
  EXPECT_EQ(parsed->at(0).family, GetParam().family);
  EXPECT_EQ(normalised(to_text(parsed->at(0))), normalised(text));
}

INSTANTIATE_TEST_SUITE_P(Variants, SavedRules,
                         testing::Values(Tools{"iptables-legacy", Family::kIpv4},
                                         Tools{"ip6tables-legacy", Family::kIpv6},
                                         Tools{"iptables-nft", Family::kIpv4},
                                         Tools{"ip6tables-nft", Family::kIpv6}),
                         [](const auto& info) {
                           std::string name = info.param.prefix;
                           name.erase(name.find('-'), 1);
                           return name;
                         });

}  // namespace
}  // namespace kubeproof::netfilter
