// kube-proxy's own expectations: one service of TestOverallIPTablesRules in
// pkg/proxy/iptables/proxier_test.go, and the counts of number_generated_rules_test.go. Both run
// with nfacct counters and without --random-fully.
#include <gtest/gtest.h>

#include "model/proxier/endpoint_choice.h"
#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Ruleset;
using netfilter::TableName;

constexpr RuleOptions kAsInUnitTests{
    .account = true, .kubelet_first = false, .random_fully = false};

Ruleset rules_for(const Cluster& cluster) {
  return *make_rules(Family::kIpv4, world(), cluster, cluster_cidr_config(), kAsInUnitTests);
}

Cluster local_policy_load_balancer() {
  Service svc2 = service("ns2", "svc2", "172.30.0.42");
  svc2.type = ServiceType::kLoadBalancer;
  svc2.external_traffic_policy = TrafficPolicy::kLocal;
  svc2.ports[0].node_port = 3001;
  svc2.external_ips = {"192.168.99.22"};
  svc2.load_balancer_ingress = {{"1.2.3.4", false}};
  svc2.health_check_node_port = 30000;
  return cluster({svc2}, {slice(svc2, {endpoint("10.180.0.2")})});
}

TEST(Golden, RefusesExternalTrafficWithoutLocalEndpoints) {
  const Ruleset rules = rules_for(local_policy_load_balancer());
  EXPECT_EQ(
      rules_of(rules, TableName::kFilter, "KUBE-EXTERNAL-SERVICES"),
      (std::vector<std::string>{
          R"(-A KUBE-EXTERNAL-SERVICES -d 192.168.99.22/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 -j DROP)",
          R"(-A KUBE-EXTERNAL-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 -j DROP)",
          R"(-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 3001 -j DROP)"}));
  EXPECT_EQ(
      rules_of(rules, TableName::kFilter, "KUBE-NODEPORTS"),
      (std::vector<std::string>{
          R"(-A KUBE-NODEPORTS -p tcp -m comment --comment "ns2/svc2:p80 health check node port" -m tcp --dport 30000 -j ACCEPT)"}));
}

TEST(Golden, CapturesEveryFrontend) {
  const Ruleset rules = rules_for(local_policy_load_balancer());
  EXPECT_EQ(
      rules_of(rules, TableName::kNat, "KUBE-SERVICES"),
      (std::vector<std::string>{
          R"(-A KUBE-SERVICES -d 172.30.0.42/32 -p tcp -m comment --comment "ns2/svc2:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-GNZBNJ2PO5MGZ6GT)",
          R"(-A KUBE-SERVICES -d 192.168.99.22/32 -p tcp -m comment --comment "ns2/svc2:p80 external IP" -m tcp --dport 80 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT)",
          R"(-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "ns2/svc2:p80 loadbalancer IP" -m tcp --dport 80 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT)",
          R"(-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS)"}));
  EXPECT_EQ(
      rules_of(rules, TableName::kNat, "KUBE-NODEPORTS"),
      (std::vector<std::string>{
          R"(-A KUBE-NODEPORTS -d 127.0.0.0/8 -p tcp -m comment --comment "ns2/svc2:p80" -m tcp --dport 3001 -m nfacct --nfacct-name  localhost_nps_accepted_pkts -j KUBE-EXT-GNZBNJ2PO5MGZ6GT)",
          R"(-A KUBE-NODEPORTS -p tcp -m comment --comment "ns2/svc2:p80" -m tcp --dport 3001 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT)"}));
}

TEST(Golden, WritesTheChainsOfTheService) {
  const Ruleset rules = rules_for(local_policy_load_balancer());
  EXPECT_EQ(
      rules_of(rules, TableName::kNat, "KUBE-EXT-GNZBNJ2PO5MGZ6GT"),
      (std::vector<std::string>{
          R"(-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -s 10.0.0.0/8 -m comment --comment "pod traffic for ns2/svc2:p80 external destinations" -j KUBE-SVC-GNZBNJ2PO5MGZ6GT)",
          R"(-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "masquerade LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ)",
          R"(-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "route LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-GNZBNJ2PO5MGZ6GT)"}));
  EXPECT_EQ(
      rules_of(rules, TableName::kNat, "KUBE-SVC-GNZBNJ2PO5MGZ6GT"),
      (std::vector<std::string>{
          R"(-A KUBE-SVC-GNZBNJ2PO5MGZ6GT ! -s 10.0.0.0/8 -d 172.30.0.42/32 -p tcp -m comment --comment "ns2/svc2:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ)",
          R"(-A KUBE-SVC-GNZBNJ2PO5MGZ6GT -m comment --comment "ns2/svc2:p80 -> 10.180.0.2:80" -j KUBE-SEP-RS4RBKLTHTF2IUXJ)"}));
  EXPECT_EQ(
      rules_of(rules, TableName::kNat, "KUBE-SEP-RS4RBKLTHTF2IUXJ"),
      (std::vector<std::string>{
          R"(-A KUBE-SEP-RS4RBKLTHTF2IUXJ -s 10.180.0.2/32 -m comment --comment "ns2/svc2:p80" -j KUBE-MARK-MASQ)",
          R"(-A KUBE-SEP-RS4RBKLTHTF2IUXJ -p tcp -m comment --comment "ns2/svc2:p80" -m tcp -j DNAT --to-destination 10.180.0.2:80)"}));
  EXPECT_EQ(rules.find(TableName::kNat)->find("KUBE-SVL-GNZBNJ2PO5MGZ6GT"), nullptr);
}

// What kube-proxy counts: the rules of its own restore input, so not the jumps to them.
size_t rule_count(const Ruleset& rules, TableName table) {
  size_t count = 0;
  for (const netfilter::Chain& chain : rules.find(table)->chains) {
    if (!chain.policy) count += chain.rules.size();
  }
  return count;
}

std::vector<SliceEndpoint> endpoints(size_t count) {
  std::vector<SliceEndpoint> result;
  for (size_t i = 0; i < count; ++i) {
    result.push_back(endpoint("10.180.0." + std::to_string(i + 1)));
  }
  return result;
}

Cluster many(size_t services, size_t endpoints_each, bool load_balancers) {
  Cluster all = cluster({}, {});
  for (size_t i = 0; i < services; ++i) {
    const std::string last = std::to_string(i + 1);
    Service each = service("ns", "svc" + last, "172.30.0." + last);
    if (load_balancers) {
      each.type = ServiceType::kLoadBalancer;
      each.ports[0].node_port = static_cast<uint16_t>(3000 + i);
      each.external_ips = {"192.168.99." + last};
      each.load_balancer_ingress = {{"1.2.3." + last, false}};
      each.load_balancer_source_ranges = {"1.2.3.0/24"};
    }
    all.services[each.key] = each;
    const EndpointSlice its_slice = slice(each, endpoints(endpoints_each));
    all.endpoint_slices[its_slice.key] = its_slice;
  }
  return all;
}

// 1/n with ten digits, as 31 bits of the kernel, and as iptables-save prints it.
TEST(Golden, RoundsProbabilitiesAsTheToolsDo) {
  struct Row {
    size_t n;
    uint32_t threshold;
    const char* saved;
  };
  for (const Row& row :
       {Row{2, 0x40000000, "0.50000000000"}, Row{3, 0x2aaaaaab, "0.33333333349"},
        Row{4, 0x20000000, "0.25000000000"}, Row{5, 0x1999999a, "0.20000000019"},
        Row{6, 0x15555555, "0.16666666651"}, Row{7, 0x12492492, "0.14285714272"},
        Row{10, 0x0ccccccd, "0.10000000009"}, Row{100, 0x0147ae14, "0.00999999978"}}) {
    EXPECT_EQ(probability_threshold(row.n), row.threshold) << row.n;
    netfilter::Rule rule;
    rule.matches = {netfilter::StatisticMatch{probability_threshold(row.n)}};
    EXPECT_EQ(to_text("C", rule, Family::kIpv4),
              std::string("-A C -m statistic --mode random --probability ") + row.saved);
  }
}

// The kubelet's jumps come first where kube-proxy came first, since each is put on top.
TEST(Golden, HooksItsChainsInOneAboveTheOther) {
  const auto targets = [](const RuleOptions& options, const char* chain) {
    const Ruleset rules =
        *make_rules(Family::kIpv4, world(), cluster({}, {}), cluster_cidr_config(), options);
    std::vector<std::string> names;
    for (const std::string& line : rules_of(rules, TableName::kFilter, chain)) {
      names.push_back(line.substr(line.rfind(' ') + 1));
    }
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(
      targets({.kubelet_first = false}, "INPUT"),
      (Names{"KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES"}));
  EXPECT_EQ(targets({.kubelet_first = false}, "OUTPUT"),
            (Names{"KUBE-FIREWALL", "KUBE-PROXY-FIREWALL", "KUBE-SERVICES"}));
  EXPECT_EQ(targets({}, "INPUT"), (Names{"KUBE-PROXY-FIREWALL", "KUBE-NODEPORTS",
                                         "KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL"}));
  EXPECT_EQ(targets({}, "FORWARD"), (Names{"KUBE-PROXY-FIREWALL", "KUBE-FORWARD", "KUBE-SERVICES",
                                           "KUBE-EXTERNAL-SERVICES"}));
}

TEST(Golden, OpensTheHealthCheckOncePerServicePort) {
  Cluster objects = local_policy_load_balancer();
  Service& svc2 = objects.services.begin()->second;
  svc2.ports.push_back({"p81", kUdp, 81, 3002});
  const auto lines = rules_of(rules_for(objects), TableName::kFilter, "KUBE-NODEPORTS");
  ASSERT_EQ(lines.size(), 2U);
  for (const std::string& line : lines) {
    EXPECT_NE(line.find("-p tcp"), std::string::npos) << line;
    EXPECT_NE(line.find("--dport 30000 -j ACCEPT"), std::string::npos) << line;
  }
}

struct Count {
  size_t services;
  size_t endpoints;
  bool load_balancers;
  size_t filter;
  size_t nat;
};

class RuleCount : public testing::TestWithParam<Count> {};

TEST_P(RuleCount, IsThatOfKubeProxy) {
  const Count& expected = GetParam();
  const Ruleset rules =
      rules_for(many(expected.services, expected.endpoints, expected.load_balancers));
  EXPECT_EQ(rule_count(rules, TableName::kFilter), expected.filter);
  EXPECT_EQ(rule_count(rules, TableName::kNat), expected.nat);
}

INSTANTIATE_TEST_SUITE_P(Golden, RuleCount,
                         testing::Values(Count{0, 0, false, 4, 5}, Count{1, 0, false, 5, 5},
                                         Count{1, 1, false, 4, 10}, Count{1, 2, false, 4, 13},
                                         Count{1, 10, false, 4, 37}, Count{10, 10, false, 4, 325},
                                         Count{1, 0, true, 8, 5}, Count{1, 1, true, 5, 18},
                                         Count{1, 2, true, 5, 21}, Count{1, 10, true, 5, 45},
                                         Count{10, 2, true, 14, 165}),
                         [](const auto& info) {
                           return std::to_string(info.param.services) +
                                  (info.param.load_balancers ? "LoadBalancersOf" : "ClusterIpsOf") +
                                  std::to_string(info.param.endpoints);
                         });

}  // namespace
}  // namespace kubeproof::proxier
