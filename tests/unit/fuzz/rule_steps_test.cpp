// Which step wrote a rule, where two write rules of one form: the address tells.
#include "replay/fuzz/rule_steps.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace kubeproof::explore {
namespace {

class RuleStep : public testing::Test {
 protected:
  RuleStep() {
    Service service;
    service.key = {"default", "svc"};
    service.type = ServiceType::kLoadBalancer;
    service.cluster_ip = "10.96.0.10";
    service.cluster_ips = {"10.96.0.10"};
    service.ports = {{.name = "p", .protocol = kTcp, .port = 80}};
    service.external_ips = {"203.0.113.1"};
    service.load_balancer_ingress = {{.ip = "203.0.113.2"}, {.ip = "203.0.113.3"}};
    service.load_balancer_source_ranges = {"203.0.113.3/32", "192.168.0.0/24"};
    Cluster cluster;
    cluster.services[service.key] = service;
    services_.emplace(cluster, World(), ProxyConfig());
  }

  std::string_view external(std::string_view address, std::string_view target = "REJECT") const {
    return rule_step(
        fmt::format("filter INPUT KUBE-EXTERNAL-SERVICES #1  -d {}/32 -p tcp -m comment --comment "
                    "\"default/svc:p has no endpoints\" -m tcp --dport 80 -j {}",
                    address, target),
        *services_);
  }

  std::string_view firewall(std::string_view range) const {
    return rule_step(fmt::format("nat PREROUTING KUBE-FW-A #1  -s {} -m comment --comment "
                                 "\"default/svc:p loadbalancer IP\" -j KUBE-EXT-A",
                                 range),
                     *services_);
  }

  std::optional<ServiceIndex> services_;
};

TEST_F(RuleStep, ExternalIpsAreNotLoadBalancers) {
  EXPECT_EQ(external("203.0.113.1"), "X2 reject");
  EXPECT_EQ(external("203.0.113.2"), "L3 reject");
  EXPECT_EQ(external("203.0.113.1", "DROP"), "X2 drop");
  EXPECT_EQ(external("203.0.113.2", "DROP"), "L3 drop");
}

TEST_F(RuleStep, LoadBalancersThatMayReachThemselvesAreNoSourceRanges) {
  EXPECT_EQ(firewall("192.168.0.0/24"), "F1");
  EXPECT_EQ(firewall("203.0.113.2/32"), "F2");
  EXPECT_EQ(firewall("203.0.113.3/32"), "F1");
}

TEST_F(RuleStep, IsOneThatIsListed) {
  for (const std::string_view step : {external("203.0.113.1"), external("203.0.113.2"),
                                      firewall("192.168.0.0/24"), firewall("203.0.113.2/32")}) {
    EXPECT_EQ(std::count(rule_steps().begin(), rule_steps().end(), step), 1) << step;
  }
}

}  // namespace
}  // namespace kubeproof::explore
