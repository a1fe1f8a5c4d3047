#include "datapath/control/node_settings.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "datapath/control/abi_address.h"
#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

bool answers_node_ports(const ProxyConfig& proxy, const std::string& address) {
  for (const auto& [own, entry] : make_local_addresses(world(), {}, proxy)) {
    if (own.to_string() == address) return entry.flags & abi::LOCAL_ADDRESS_NODE_PORTS;
  }
  return false;
}

TEST(NodeSettings, TheFirstClusterCidrOfAFamilyTellsLocalTraffic) {
  ProxyConfig proxy;
  proxy.cluster_cidrs = {"10.180.0.0/16", "10.181.0.0/16"};
  const auto settings = make_settings(world(), {}, proxy);
  EXPECT_EQ(settings.ipv4.detector, abi::DETECTOR_PREFIX);
  EXPECT_EQ(from_abi(settings.ipv4.local_prefix, abi::FAMILY_IPV4).to_string(), "10.180.0.0");
  EXPECT_EQ(settings.ipv4.local_prefix_length, 16);
  EXPECT_EQ(settings.ipv6.detector, abi::DETECTOR_NONE);
}

TEST(NodeSettings, InterfacesTellLocalTrafficByTheirPrefix) {
  ProxyConfig proxy;
  proxy.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
  proxy.interface_name_prefix = "pod";
  EXPECT_EQ(make_settings(world(), {}, proxy).ipv6.detector, abi::DETECTOR_INTERFACE);
  auto interfaces = make_interface_settings(world(), proxy);
  EXPECT_TRUE(interfaces.at(10).flags & abi::INTERFACE_LOCAL_TRAFFIC);
  EXPECT_FALSE(interfaces.at(2).flags & abi::INTERFACE_LOCAL_TRAFFIC);
}

TEST(NodeSettings, NodePortsAnswerEverywhereByDefaultButNotOnIpv6Loopback) {
  for (const char* address : {"127.0.0.1", "192.168.0.2", "2001:db8::2"}) {
    EXPECT_TRUE(answers_node_ports({}, address)) << address;
  }
  EXPECT_FALSE(answers_node_ports({}, "::1"));
}

TEST(NodeSettings, LocalhostNodePortsCanBeSwitchedOff) {
  ProxyConfig proxy;
  proxy.localhost_node_ports = false;
  EXPECT_FALSE(answers_node_ports(proxy, "127.0.0.1"));
  EXPECT_FALSE(make_settings(world(), {}, proxy).flags & abi::SETTING_LOCALHOST_NODE_PORTS);
}

TEST(NodeSettings, ListedAddressesAloneAnswerAndTheOtherFamilyStaysOpen) {
  ProxyConfig proxy;
  proxy.node_port_addresses = {"192.168.0.0/24"};
  EXPECT_TRUE(answers_node_ports(proxy, "192.168.0.2"));
  EXPECT_FALSE(answers_node_ports(proxy, "127.0.0.1"));
  EXPECT_TRUE(answers_node_ports(proxy, "2001:db8::2"));
  EXPECT_FALSE(make_settings(world(), {}, proxy).flags & abi::SETTING_NODE_PORTS_ON_ALL_LOOPBACK);
}

TEST(NodeSettings, ASecondaryAddressIsReachedFromThePrimaryOfItsSubnet) {
  World node = world();
  InterfaceAddress secondary = node.interfaces[1].addresses[0];
  secondary.address = *IpAddress::parse("192.168.0.3");
  secondary.secondary = true;
  node.interfaces[1].addresses.push_back(secondary);
  std::map<std::string, uint32_t> sources;
  for (const auto& [address, entry] : make_local_addresses(node, {}, {})) {
    sources[address.to_string()] = entry.source;
  }
  EXPECT_EQ(sources["192.168.0.2"], to_abi(node.interfaces[1].addresses[0].address).words[0]);
  EXPECT_EQ(sources["192.168.0.3"], sources["192.168.0.2"]);
}

TEST(NodeSettings, LinkLocalAddressesAreReachedByTheRoutesOfTheirLinkAlone) {
  World node = world();
  node.routes.clear();
  Route standard;
  standard.destination = *Cidr::parse("::/0");
  standard.gateway = *IpAddress::parse("2001:db8::1");
  standard.interface = 2;
  node.routes.push_back(standard);
  auto interfaces = make_interface_settings(node, {});
  EXPECT_TRUE(interfaces.at(2).flags & abi::INTERFACE_LEADS_TO_LINK);
  EXPECT_EQ(from_abi(interfaces.at(2).link_next_hop, abi::FAMILY_IPV6), *standard.gateway);
  EXPECT_FALSE(interfaces.at(10).flags & abi::INTERFACE_LEADS_TO_LINK);

  Route link = standard;
  link.destination = *Cidr::parse("fe80::/64");
  link.gateway.reset();
  node.routes.push_back(link);
  interfaces = make_interface_settings(node, {});
  EXPECT_TRUE(from_abi(interfaces.at(2).link_next_hop, abi::FAMILY_IPV6).is_unspecified());
}

TEST(NodeSettings, NodePortsAnswerInALocalPrefixUnlessAddressesAreListed) {
  World node = world();
  Route prefix;
  prefix.type = RouteType::kLocal;
  prefix.destination = *Cidr::parse("198.51.100.0/24");
  node.routes.push_back(prefix);
  const auto answers = [&](const ProxyConfig& proxy) {
    return (make_local_prefixes(node, {}, proxy).at(prefix.destination).flags &
            abi::LOCAL_ADDRESS_NODE_PORTS) != 0;
  };
  EXPECT_TRUE(answers({}));
  ProxyConfig proxy;
  proxy.node_port_addresses = {"198.51.100.0/24"};
  EXPECT_FALSE(answers(proxy));
}

TEST(NodeSettings, GatewaysNameTheSourceWhereEachDoes) {
  World node = world();
  node.routes.clear();
  const auto names = [&] {
    return (make_interface_settings(node, {}).at(2).flags & abi::INTERFACE_GATEWAYS_NAME_SOURCE) !=
           0;
  };
  Route link;
  link.destination = *Cidr::parse("2001:db8::/64");
  link.interface = 2;
  node.routes.push_back(link);
  EXPECT_FALSE(names());

  Route standard = link;
  standard.destination = *Cidr::parse("::/0");
  standard.gateway = *IpAddress::parse("2001:db8::1");
  standard.preferred_source = *IpAddress::parse("2001:db8::2");
  node.routes.push_back(standard);
  EXPECT_TRUE(names());

  standard.destination = *Cidr::parse("2001:db8:ffff::/64");
  standard.preferred_source.reset();
  node.routes.push_back(standard);
  EXPECT_FALSE(names());
}

TEST(NodeSettings, HostnameOverrideNamesTheNode) {
  Cluster cluster;
  Node node;
  node.key = {"", "another"};
  node.labels["topology.kubernetes.io/zone"] = "zone-a";
  cluster.nodes[node.key] = node;
  ProxyConfig proxy;
  EXPECT_EQ(node_place(world(), cluster, proxy).zone, "");
  proxy.hostname_override = "another";
  EXPECT_EQ(node_place(world(), cluster, proxy).name, "another");
  EXPECT_EQ(node_place(world(), cluster, proxy).zone, "zone-a");
}

TEST(NodeSettings, BindAddressOverridesTheNodesOwn) {
  Cluster cluster;
  Node node;
  node.key = {"", "node-a"};
  node.addresses = {{"ExternalIP", "203.0.113.2"}, {"InternalIP", "192.168.0.2"}};
  cluster.nodes[node.key] = node;
  EXPECT_EQ(node_ip(world(), cluster, {}, Family::kIpv4)->to_string(), "192.168.0.2");
  ProxyConfig proxy;
  proxy.bind_address = "192.168.0.3";
  EXPECT_EQ(node_ip(world(), cluster, proxy, Family::kIpv4)->to_string(), "192.168.0.3");
  EXPECT_FALSE(node_ip(world(), cluster, proxy, Family::kIpv6));
}

}  // namespace
}  // namespace kubeproof::control
