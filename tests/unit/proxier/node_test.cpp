// What kube-proxy makes of its node: identity, local traffic, NodePort addresses.
#include <gtest/gtest.h>

#include "model/proxier/local_detector.h"
#include "model/proxier/node_identity.h"
#include "model/proxier/node_ports.h"
#include "model/proxier/sysctls.h"
#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

NodeIdentity identity(const Node& object, const ProxyConfig& config = {}) {
  Cluster objects;
  objects.nodes[object.key] = object;
  return identify_node("node-a", objects, config);
}

TEST(NodeIdentity, TakesTheFirstAddressOfEachFamilyInternalOnesFirst) {
  Node object = node("node-a", {});
  object.addresses = {{"ExternalIP", "203.0.113.9"},
                      {"InternalIP", "2001:db8::2"},
                      {"InternalIP", "192.168.0.2"},
                      {"InternalIP", "192.168.0.3"},
                      {"Hostname", "10.0.0.1"}};
  const NodeIdentity result = identity(object);
  EXPECT_EQ(result.ipv4.to_string(), "192.168.0.2");
  EXPECT_EQ(result.ipv6.to_string(), "2001:db8::2");
}

TEST(NodeIdentity, IsLoopbackWhereNothingIsKnown) {
  const NodeIdentity result = identify_node("node-a", {}, {});
  EXPECT_EQ(result.ipv4.to_string(), "127.0.0.1");
  EXPECT_EQ(result.ipv6.to_string(), "::1");
}

TEST(NodeIdentity, TakesABoundAddressOfItsFamily) {
  ProxyConfig config;
  config.bind_address = "10.9.9.9";
  const NodeIdentity result = identity(node("node-a", {"192.168.0.2", "2001:db8::2"}), config);
  EXPECT_EQ(result.ipv4.to_string(), "10.9.9.9");
  EXPECT_EQ(result.ipv6.to_string(), "2001:db8::2");
  config.bind_address = "::";
  EXPECT_EQ(identity(node("node-a", {"192.168.0.2"}), config).ipv6.to_string(), "::1");
}

TEST(NodeIdentity, FollowsTheHostnameOverride) {
  Cluster objects;
  objects.nodes[{"", "other"}] = node("other", {"192.168.0.7"});
  objects.nodes[{"", "other"}].labels["topology.kubernetes.io/zone"] = "z";
  ProxyConfig config;
  config.hostname_override = "other";
  const NodeIdentity result = identify_node("node-a", objects, config);
  EXPECT_EQ(result.name, "other");
  EXPECT_EQ(result.ipv4.to_string(), "192.168.0.7");
  EXPECT_EQ(result.zone, "z");
}

// "-s …" or "-i …" of a rule for local traffic; "-" where there is no such rule.
std::string local_match(const ProxyConfig& config, Family family, bool local = true) {
  NodeIdentity node;
  node.pod_cidrs = {*Cidr::parse("10.180.0.0/24"), *Cidr::parse("10.181.0.0/24"),
                    *Cidr::parse("fd00:10:180::/64")};
  const LocalDetector detector = LocalDetector::make(config, node, family).value();
  if (!detector.is_implemented()) return "-";
  netfilter::Rule rule;
  local ? detector.match_local(rule) : detector.match_not_local(rule);
  return to_text("C", rule, family).substr(5);
}

TEST(LocalDetector, TakesTheFirstClusterCidrOfTheFamily) {
  ProxyConfig config;
  config.cluster_cidrs = {"fd00:10::/32", "10.0.0.0/8"};
  EXPECT_EQ(local_match(config, Family::kIpv4), "-s 10.0.0.0/8");
  EXPECT_EQ(local_match(config, Family::kIpv4, false), "! -s 10.0.0.0/8");
  EXPECT_EQ(local_match(config, Family::kIpv6), "-s fd00:10::/32");
  config.cluster_cidrs = {"10.0.0.0/8"};
  EXPECT_EQ(local_match(config, Family::kIpv6), "-");
  config.cluster_cidrs = {};
  EXPECT_EQ(local_match(config, Family::kIpv4), "-");
}

TEST(LocalDetector, TakesTheNodesFirstPodCidrOfTheFamily) {
  ProxyConfig config;
  config.detect_local_mode = DetectLocalMode::kNodeCidr;
  EXPECT_EQ(local_match(config, Family::kIpv4), "-s 10.180.0.0/24");
  EXPECT_EQ(local_match(config, Family::kIpv6), "-s fd00:10:180::/64");
}

TEST(LocalDetector, KnowsInterfaces) {
  ProxyConfig config;
  config.detect_local_mode = DetectLocalMode::kBridgeInterface;
  config.bridge_interface = "cbr0";
  EXPECT_EQ(local_match(config, Family::kIpv4), "-i cbr0");
  config.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
  config.interface_name_prefix = "cali";
  EXPECT_EQ(local_match(config, Family::kIpv4), "-i cali+");
  EXPECT_EQ(local_match(config, Family::kIpv6, false), "! -i cali+");
}

NodePortAddresses node_ports(std::vector<std::string> configured, Family family,
                             const char* node_ip = "192.168.0.2") {
  ProxyConfig config;
  config.node_port_addresses = std::move(configured);
  NodeIdentity node;
  node.ipv4 = *IpAddress::parse(node_ip);
  node.ipv6 = *IpAddress::parse("::1");
  return NodePortAddresses::make(config, node, family).value();
}

TEST(NodePortAddresses, AreAllByDefault) {
  EXPECT_TRUE(node_ports({}, Family::kIpv4).matches_all());
  EXPECT_TRUE(node_ports({}, Family::kIpv4).contains_ipv4_loopback());
  EXPECT_TRUE(node_ports({}, Family::kIpv6).matches_all());
  EXPECT_FALSE(node_ports({}, Family::kIpv6).contains_ipv4_loopback());
}

TEST(NodePortAddresses, AreAllOfAFamilyThatTheListLeavesOut) {
  EXPECT_FALSE(node_ports({"192.168.0.0/16"}, Family::kIpv4).matches_all());
  EXPECT_TRUE(node_ports({"192.168.0.0/16"}, Family::kIpv6).matches_all());
}

TEST(NodePortAddresses, AreAllWhereAPrefixIsEverything) {
  EXPECT_TRUE(node_ports({"192.168.0.0/16", "0.0.0.0/0"}, Family::kIpv4).matches_all());
}

TEST(NodePortAddresses, MayBeThePrimaryOnes) {
  const NodePortAddresses v4 = node_ports({"primary"}, Family::kIpv4);
  EXPECT_FALSE(v4.matches_all());
  EXPECT_EQ(v4.serving_addresses(world()), std::vector{*IpAddress::parse("192.168.0.2")});
  // The node has none of IPv6, and where it is not known at all, everything serves.
  EXPECT_TRUE(node_ports({"primary"}, Family::kIpv6).matches_all());
  EXPECT_TRUE(node_ports({"primary"}, Family::kIpv4, "127.0.0.1").matches_all());
}

TEST(NodePortAddresses, AreThoseOfTheNodeWithinThePrefixes) {
  EXPECT_EQ(node_ports({"192.0.0.0/8", "127.0.0.0/8"}, Family::kIpv4).serving_addresses(world()),
            (std::vector{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("192.168.0.2")}));
  EXPECT_TRUE(node_ports({"127.0.0.1/32"}, Family::kIpv4).contains_ipv4_loopback());
  EXPECT_TRUE(node_ports({"96.0.0.0/3"}, Family::kIpv4).contains_ipv4_loopback());
  EXPECT_FALSE(node_ports({"192.0.0.0/8"}, Family::kIpv4).contains_ipv4_loopback());
}

TEST(Sysctls, FollowTheConfiguration) {
  ProxyConfig config;
  NodeIdentity node;
  EXPECT_TRUE(sysctls_after_start(config, node)->route_localnet);
  EXPECT_FALSE(sysctls_after_start(config, node)->tcp_be_liberal);
  config.localhost_node_ports = false;
  config.tcp_be_liberal = true;
  EXPECT_FALSE(sysctls_after_start(config, node)->route_localnet);
  EXPECT_TRUE(sysctls_after_start(config, node)->tcp_be_liberal);
}

TEST(Sysctls, RoutedLocalnetInOlderReleases) {
  ProxyConfig config;
  const auto routes_localnet = [&](uint8_t minor) {
    config.release_minor = minor;
    return sysctls_after_start(config, NodeIdentity{})->route_localnet;
  };
  config.localhost_node_ports = false;
  EXPECT_TRUE(routes_localnet(25)) << "it had no such option";
  EXPECT_FALSE(routes_localnet(26));
  config.node_port_addresses = {"192.168.0.0/16"};
  EXPECT_TRUE(routes_localnet(23));
  EXPECT_FALSE(routes_localnet(24));
}

}  // namespace
}  // namespace kubeproof::proxier
