// What must hold of any rules that kube-proxy writes, whatever the objects: checked for a cluster
// with every feature, in every configuration and release.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <variant>

#include "tests/unit/proxier/every_feature.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Chain;
using netfilter::JumpTarget;
using netfilter::Rule;
using netfilter::Ruleset;
using netfilter::StatisticMatch;
using netfilter::Table;
using netfilter::TableName;

constexpr uint8_t kOldest = 20;
constexpr uint8_t kNewest = 37;
constexpr uint8_t kWithoutXlbChains = 24;

std::string jump_of(const Rule& rule) {
  const auto* jump = std::get_if<JumpTarget>(&rule.target);
  return jump == nullptr ? "" : jump->chain;
}

bool has_prefix(const std::string& name, std::initializer_list<const char*> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const char* prefix) { return name.starts_with(prefix); });
}

bool is_of_a_service(const std::string& chain) {
  return has_prefix(chain,
                    {"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-", "KUBE-FW-", "KUBE-SEP-", "KUBE-XLB-"});
}

bool is_unconditional(const Rule& rule) {
  const bool only_comments =
      std::all_of(rule.matches.begin(), rule.matches.end(), [](const netfilter::Match& match) {
        return std::holds_alternative<netfilter::CommentMatch>(match);
      });
  return only_comments && !rule.source && !rule.destination && !rule.in_interface && !rule.protocol;
}

size_t lotteries_of(const Chain& chain) {
  return static_cast<size_t>(
      std::count_if(chain.rules.begin(), chain.rules.end(), [](const Rule& rule) {
        return std::any_of(rule.matches.begin(), rule.matches.end(),
                           [](const netfilter::Match& match) {
                             return std::holds_alternative<StatisticMatch>(match);
                           });
      }));
}

class RuleInvariants : public testing::TestWithParam<NamedConfig> {
 protected:
  // Every release and family of the configuration.
  template <class Check>
  void for_each(Check check) {
    for (uint8_t minor = kOldest; minor <= kNewest; ++minor) {
      for (const Family family : {Family::kIpv4, Family::kIpv6}) {
        ProxyConfig config = GetParam().config;
        config.release_minor = minor;
        const auto rules = make_rules(family, world(), EveryFeature().cluster(), config);
        ASSERT_TRUE(rules) << rules.error().message;
        SCOPED_TRACE("1." + std::to_string(minor));
        check(*rules, minor);
      }
    }
  }
};

TEST_P(RuleInvariants, WhatIsReferredToIsThereAndTheOtherWayRound) {
  for_each([](const Ruleset& rules, uint8_t minor) {
    for (const Table& table : rules.tables) {
      std::set<std::string> named;
      for (const Chain& chain : table.chains) {
        for (const Rule& rule : chain.rules) {
          if (const std::string target = jump_of(rule); !target.empty()) {
            EXPECT_NE(table.find(target), nullptr) << chain.name << " -> " << target;
            named.insert(target);
          }
        }
      }
      for (const Chain& chain : table.chains) {
        // Up to 1.23 a chain for the Local policy is there even if nothing leads to it.
        const bool spare = minor < kWithoutXlbChains && chain.name.starts_with("KUBE-XLB-");
        if (!is_of_a_service(chain.name) || spare) continue;
        EXPECT_TRUE(named.contains(chain.name)) << chain.name;
        EXPECT_FALSE(chain.rules.empty()) << chain.name;
      }
    }
  });
}

TEST_P(RuleInvariants, AlwaysOneEndpointIsPicked) {
  for_each([](const Ruleset& rules, uint8_t) {
    for (const Chain& chain : rules.find(TableName::kNat)->chains) {
      if (!has_prefix(chain.name, {"KUBE-SVC-", "KUBE-SVL-", "KUBE-XLB-"})) continue;
      if (chain.rules.empty()) continue;
      EXPECT_TRUE(is_unconditional(chain.rules.back())) << chain.name;
      std::set<std::string> endpoints;
      for (const Rule& rule : chain.rules) {
        const std::string target = jump_of(rule);
        if (target.starts_with("KUBE-SEP-")) endpoints.insert(target);
      }
      if (endpoints.empty()) continue;
      EXPECT_EQ(lotteries_of(chain), endpoints.size() - 1) << chain.name;
    }
  });
}

TEST_P(RuleInvariants, TrafficToAFrontendIsTranslatedOrRefused) {
  for_each([](const Ruleset& rules, uint8_t) {
    const auto caught = [&](TableName table) {
      std::set<std::pair<Cidr, uint8_t>> frontends;
      for (const Rule& rule : rules.find(table)->find("KUBE-SERVICES")->rules) {
        if (rule.protocol) frontends.emplace(rule.destination->value, rule.protocol->value);
      }
      return frontends;
    };
    const auto translated = caught(TableName::kNat);
    for (const auto& frontend : caught(TableName::kFilter)) {
      EXPECT_FALSE(translated.contains(frontend)) << frontend.first.to_string();
    }
  });
}

TEST_P(RuleInvariants, TheWayToNodePortsComesLast) {
  for_each([](const Ruleset& rules, uint8_t) {
    bool ended = false;
    for (const Rule& rule : rules.find(TableName::kNat)->find("KUBE-SERVICES")->rules) {
      const bool last = jump_of(rule) == "KUBE-NODEPORTS";
      EXPECT_TRUE(last || !ended);
      ended = ended || last;
    }
  });
}

// A packet that is marked for masquerade is let through KUBE-FORWARD; so it must be one of a
// service: every chain that marks leads on to an endpoint, or to a mark for drop.
TEST_P(RuleInvariants, WhoIsMarkedIsTranslated) {
  for_each([](const Ruleset& rules, uint8_t minor) {
    if (minor < kWithoutXlbChains) return;
    const Table& nat = *rules.find(TableName::kNat);
    for (const Chain& chain : nat.chains) {
      const auto marks = [](const Rule& rule) { return jump_of(rule) == "KUBE-MARK-MASQ"; };
      const auto first = std::find_if(chain.rules.begin(), chain.rules.end(), marks);
      if (first == chain.rules.end()) continue;
      const bool goes_on = std::any_of(first, chain.rules.end(), [&](const Rule& rule) {
        return (is_of_a_service(jump_of(rule)) || jump_of(rule) == "KUBE-MARK-DROP" ||
                std::holds_alternative<netfilter::DnatTarget>(rule.target));
      });
      EXPECT_TRUE(goes_on) << chain.name;
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Rules, RuleInvariants, testing::ValuesIn(every_config()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace kubeproof::proxier
