#include "replay/report/rules_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace kubeproof {
namespace {

using proxier::RuleComparison;
using proxier::RuleDifference;

RulesReport one_difference() {
  RuleComparison comparison;
  comparison.expected_rules = 1234;
  comparison.foreign_chains = {"filter DOCKER-USER"};
  comparison.stale_chains = {"nat KUBE-SEP-OLD"};
  RuleDifference difference;
  difference.kind = RuleDifference::Kind::kDiffers;
  difference.service = "default/web:http";
  difference.table = netfilter::TableName::kNat;
  difference.chain = "KUBE-SERVICES";
  difference.arguments = {"--dport"};
  difference.expected = {"-A KUBE-SERVICES --dport 80"};
  difference.found = {"-A KUBE-SERVICES --dport 81"};
  comparison.differences = {difference};
  return {"node-a", {"node.save"}, {comparison}};
}

TEST(RulesReportText, ShowsDifferencesByService) {
  EXPECT_EQ(render_rules_text(one_difference(), false),
            "kubeproof rules: node.save on node node-a\n"
            "they DIFFER from the rules that kube-proxy would install\n"
            "\n"
            "                       IPv4\n"
            "  kube-proxy's rules  1,234\n"
            "  missing                 0\n"
            "  unexpected              0\n"
            "  differs                 1\n"
            "  order                   0\n"
            "  missing chain           0\n"
            "  unexpected chain        0\n"
            "  rules of others         0\n"
            "  chains of others        1\n"
            "  IPv4: left over, nothing leads there: nat KUBE-SEP-OLD\n"
            "\n"
            "default/web:http (IPv4)\n"
            "  differs, nat KUBE-SERVICES: --dport\n"
            "    expected  -A KUBE-SERVICES --dport 80\n"
            "    found     -A KUBE-SERVICES --dport 81\n");
}

TEST(RulesReportText, SaysThatNothingDiffers) {
  RulesReport report = one_difference();
  report.comparisons[0].differences.clear();
  EXPECT_NE(render_rules_text(report, false).find("the same: "), std::string::npos);
}

TEST(RulesReportText, ShowsTheFirstOfVeryManyDifferences) {
  RulesReport report = one_difference();
  auto& differences = report.comparisons[0].differences;
  differences.assign(1200, differences[0]);
  const std::string text = render_rules_text(report, false);
  EXPECT_NE(text.find("and 1,000 differences more"), std::string::npos) << text.substr(0, 800);
}

TEST(RulesReportJson, HasEveryDifference) {
  const auto json = nlohmann::json::parse(render_rules_json(one_difference()));
  EXPECT_EQ(json["command"], "rules");
  EXPECT_EQ(json["exit_status"], 1);
  const auto& family = json["families"][0];
  EXPECT_EQ(family["family"], "IPv4");
  EXPECT_EQ(family["foreign_chains"][0], "filter DOCKER-USER");
  const auto& difference = family["differences"][0];
  EXPECT_EQ(difference["kind"], "differs");
  EXPECT_EQ(difference["service"], "default/web:http");
  EXPECT_EQ(difference["table"], "nat");
  EXPECT_EQ(difference["arguments"][0], "--dport");
}

}  // namespace
}  // namespace kubeproof
