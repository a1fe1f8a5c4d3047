#include "model/proxier/service_port.h"

#include <gtest/gtest.h>

#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

Release release_of(uint8_t minor) {
  ProxyConfig config;
  config.release_minor = minor;
  return Release(config);
}

std::vector<ServicePortInfo> ports_of(const Service& from, Family family = Family::kIpv4,
                                      uint8_t minor = 36) {
  return service_ports(from, family, release_of(minor));
}

Service plain() {
  return service("ns", "svc", "10.96.0.10");
}

Service load_balancer() {
  Service result = plain();
  result.type = ServiceType::kLoadBalancer;
  result.ports[0].node_port = 30080;
  result.load_balancer_ingress = {{"1.2.3.4", false}};
  return result;
}

TEST(ServicePorts, SkipWhatIsNoneOfKubeProxysBusiness) {
  Service headless = plain();
  headless.cluster_ip = "None";
  EXPECT_TRUE(ports_of(headless).empty());

  Service without_address = plain();
  without_address.cluster_ip = "";
  EXPECT_TRUE(ports_of(without_address).empty());

  Service external_name = plain();
  external_name.type = ServiceType::kExternalName;
  EXPECT_TRUE(ports_of(external_name).empty());

  Service of_another_proxy = plain();
  of_another_proxy.labels["service.kubernetes.io/service-proxy-name"] = "";
  EXPECT_TRUE(ports_of(of_another_proxy).empty());
}

TEST(ServicePorts, ObeyTheHeadlessLabelUpTo135) {
  Service labelled = plain();
  labelled.labels["service.kubernetes.io/headless"] = "";
  EXPECT_EQ(ports_of(labelled).size(), 1U);
  EXPECT_TRUE(ports_of(labelled, Family::kIpv4, 35).empty());
}

TEST(ServicePorts, TakeTheClusterIpOfTheFamily) {
  Service dual = plain();
  dual.cluster_ips = {"fd00::10", "10.96.0.10"};
  dual.ip_families = {Family::kIpv6, Family::kIpv4};
  EXPECT_EQ(ports_of(dual)[0].cluster_ip.to_string(), "10.96.0.10");
  EXPECT_EQ(ports_of(dual, Family::kIpv6)[0].cluster_ip.to_string(), "fd00::10");

  dual.ip_families = {Family::kIpv6};
  EXPECT_TRUE(ports_of(dual).empty());
  dual.ip_families = {};
  EXPECT_EQ(ports_of(dual)[0].cluster_ip.to_string(), "10.96.0.10");
  EXPECT_TRUE(ports_of(dual, Family::kIpv6).empty());
}

TEST(ServicePorts, ReadAddressesSloppily) {
  Service sloppy = load_balancer();
  sloppy.cluster_ip = "172.30.0.041";
  sloppy.external_ips = {"192.168.099.022", "fd00::7", "nonsense"};
  sloppy.load_balancer_source_ranges = {" 203.0.113.000/025\t"};
  const ServicePortInfo port = ports_of(sloppy)[0];
  EXPECT_EQ(port.cluster_ip.to_string(), "172.30.0.41");
  ASSERT_EQ(port.external_ips.size(), 1U);
  EXPECT_EQ(port.external_ips[0].to_string(), "192.168.99.22");
  ASSERT_EQ(port.source_ranges.size(), 1U);
  EXPECT_EQ(port.source_ranges[0].to_string(), "203.0.113.0/25");
}

TEST(ServicePorts, LeaveOutProxiedLoadBalancerAddresses) {
  Service mixed = load_balancer();
  mixed.load_balancer_ingress = {
      {"1.2.3.4", false}, {"1.2.3.5", true}, {"", false}, {"fd00::1", false}};
  EXPECT_EQ(ports_of(mixed)[0].load_balancer_vips.size(), 1U);
  EXPECT_EQ(ports_of(mixed, Family::kIpv4, 30)[0].load_balancer_vips.size(), 1U);
  EXPECT_EQ(ports_of(mixed, Family::kIpv4, 29)[0].load_balancer_vips.size(), 2U);
}

TEST(ServicePorts, AreUnrestrictedWhereNoRangeIsOfTheFamily) {
  Service ranged = load_balancer();
  ranged.load_balancer_source_ranges = {"fd00::/8", "nonsense"};
  EXPECT_TRUE(ports_of(ranged)[0].source_ranges.empty());
}

TEST(ServicePorts, AreUnrestrictedWhereARangeIsEverything) {
  Service ranged = load_balancer();
  ranged.load_balancer_source_ranges = {"10.0.0.0/8", "0.0.0.0/0"};
  EXPECT_TRUE(ports_of(ranged)[0].source_ranges.empty());
  EXPECT_EQ(ports_of(ranged, Family::kIpv4, 33)[0].source_ranges.size(), 2U);
}

TEST(ServicePorts, IgnoreTheExternalPolicyOfInternalServices) {
  Service internal = plain();
  internal.external_traffic_policy = TrafficPolicy::kLocal;
  EXPECT_FALSE(ports_of(internal)[0].external_policy_local);
  internal.external_ips = {"198.51.100.7"};
  EXPECT_TRUE(ports_of(internal)[0].external_policy_local);
  internal.external_ips = {};
  internal.type = ServiceType::kNodePort;
  EXPECT_TRUE(ports_of(internal)[0].external_policy_local);
}

TEST(ServicePorts, HaveAHealthCheckOnlyAsLocalLoadBalancers) {
  Service checked = load_balancer();
  checked.health_check_node_port = 30000;
  EXPECT_EQ(ports_of(checked)[0].health_check_node_port, 0);
  checked.external_traffic_policy = TrafficPolicy::kLocal;
  EXPECT_EQ(ports_of(checked)[0].health_check_node_port, 30000);
  checked.type = ServiceType::kNodePort;
  EXPECT_EQ(ports_of(checked)[0].health_check_node_port, 0);
}

TEST(ServicePorts, UseEndpointsByPolicy) {
  ServicePortInfo port;
  EXPECT_TRUE(port.uses_cluster_endpoints());
  EXPECT_FALSE(port.uses_local_endpoints());
  port.external_policy_local = true;  // of nothing external
  EXPECT_FALSE(port.uses_local_endpoints());
  port.node_port = 30080;
  EXPECT_TRUE(port.uses_local_endpoints());
  EXPECT_TRUE(port.uses_cluster_endpoints());
  port = {};
  port.internal_policy_local = true;
  EXPECT_FALSE(port.uses_cluster_endpoints());
  EXPECT_TRUE(port.uses_local_endpoints());
  port.node_port = 30080;
  EXPECT_TRUE(port.uses_cluster_endpoints());
}

TEST(ServicePorts, DropExternalIpsWithTheirFeatureGate) {
  Service exposed = plain();
  exposed.external_ips = {"198.51.100.7"};
  ProxyConfig config;
  config.allow_service_external_ips = false;
  const ServicePortInfo port = service_ports(exposed, Family::kIpv4, Release(config))[0];
  EXPECT_TRUE(port.external_ips.empty());
  EXPECT_TRUE(port.externally_accessible());
  config.release_minor = 35;
  EXPECT_EQ(service_ports(exposed, Family::kIpv4, Release(config))[0].external_ips.size(), 1U);
}

TEST(ServicePorts, NeededAnAnnotationForHintsUpTo130) {
  Service hinted = plain();
  EXPECT_TRUE(ports_of(hinted)[0].hints_count);
  EXPECT_FALSE(ports_of(hinted, Family::kIpv4, 30)[0].hints_count);
  hinted.topology_mode = "Auto";
  EXPECT_TRUE(ports_of(hinted, Family::kIpv4, 30)[0].hints_count);
  hinted.topology_aware_hints = "disabled";
  EXPECT_FALSE(ports_of(hinted, Family::kIpv4, 30)[0].hints_count);
}

TEST(ServicePorts, HeedHintsSince124AndAtFirstOnlyForAuto) {
  Service hinted = plain();
  const auto counts = [&](uint8_t minor) {
    return ports_of(hinted, Family::kIpv4, minor)[0].hints_count;
  };
  hinted.topology_aware_hints = "Auto";
  EXPECT_FALSE(counts(23));
  EXPECT_TRUE(counts(24));
  hinted.topology_aware_hints = "auto";
  EXPECT_TRUE(counts(26));
  hinted.topology_aware_hints = "PreferZone";
  EXPECT_FALSE(counts(26));
  EXPECT_TRUE(counts(27));
  // The other name came with 1.27; the older one has the say.
  hinted.topology_mode = "Auto";
  hinted.topology_aware_hints.reset();
  EXPECT_FALSE(counts(26));
  EXPECT_TRUE(counts(27));
  hinted.topology_aware_hints = "Disabled";
  EXPECT_FALSE(counts(30));
  EXPECT_TRUE(counts(31));
}

TEST(ServicePorts, HeedTheInternalTrafficPolicySince122) {
  Service local = plain();
  local.internal_traffic_policy = TrafficPolicy::kLocal;
  EXPECT_FALSE(ports_of(local, Family::kIpv4, 21)[0].internal_policy_local);
  EXPECT_TRUE(ports_of(local, Family::kIpv4, 22)[0].internal_policy_local);
}

TEST(ServicePorts, HeedTheExternalPolicyOfClusterIpServicesSince129) {
  Service exposed = plain();
  exposed.external_ips = {"198.51.100.7"};
  exposed.external_traffic_policy = TrafficPolicy::kLocal;
  EXPECT_FALSE(ports_of(exposed, Family::kIpv4, 28)[0].external_policy_local);
  EXPECT_TRUE(ports_of(exposed, Family::kIpv4, 29)[0].external_policy_local);
}

}  // namespace
}  // namespace kubeproof::proxier
