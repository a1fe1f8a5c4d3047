#include <gtest/gtest.h>

#include "model/cluster/field_json.h"
#include "model/node/read_node_spec_json.h"
#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

Result<NodeSpec> read(const std::string& text) {
  const JsonDocument document = parse_documents(text, "case.yaml").value().front();
  return read_node_spec(JsonField(document.value), document);
}

std::string error(const std::string& text) {
  const auto node = read(text);
  return node ? "no error" : node.error().message;
}

TEST(ReadNodeSpec, ReadsTheNodeOfACase) {
  const NodeSpec node = read(R"(
name: node-a
addresses: [192.168.0.2, 10.1.0.2/16, "2001:db8::2", "fe80::2"]
podCIDRs: [10.180.0.0/24, "fd00:10:180::/64"]
sysctls: {net.ipv4.ip_forward: 0, net.netfilter.nf_conntrack_tcp_be_liberal: 1}
)")
                            .value();
  EXPECT_EQ(node.name, "node-a");
  ASSERT_EQ(node.addresses.size(), 4U);
  EXPECT_EQ(node.addresses[0].prefix_length, 24);
  EXPECT_EQ(node.addresses[1].prefix_length, 16);
  EXPECT_EQ(node.addresses[2].prefix_length, 64);
  EXPECT_EQ(node.addresses[2].scope, AddressScope::kGlobal);
  EXPECT_EQ(node.addresses[3].scope, AddressScope::kLink);
  EXPECT_EQ(node.pod_cidrs[1], *Cidr::parse("fd00:10:180::/64"));
  EXPECT_EQ(node.sysctls.ip_forward, false);
  EXPECT_EQ(node.sysctls.tcp_be_liberal, true);
  EXPECT_FALSE(node.sysctls.route_localnet);
  EXPECT_FALSE(node.interfaces);
  EXPECT_FALSE(node.routes);
}

TEST(ReadNodeSpec, ReadsInterfacesAndRoutes) {
  const NodeSpec node = read(R"(
name: node-a
interfaces: [{ifindex: 1, ifname: lo, link_type: loopback}]
routes: [{dst: default, dev: lo}]
)")
                            .value();
  ASSERT_TRUE(node.interfaces);
  EXPECT_EQ(node.interfaces->at(0).kind, InterfaceKind::kLoopback);
  ASSERT_TRUE(node.routes);
  EXPECT_EQ(node.routes->at(0).device, "lo");
}

TEST(ReadNodeSpec, NamesWhatIsWrong) {
  EXPECT_EQ(error("addresses: []"), "case.yaml:1: name: expected a string, found nothing");
  EXPECT_EQ(error("name: a\nadresses: []"),
            "case.yaml:2: adresses: unknown field; known are name, addresses, podCIDRs, "
            "interfaces, routes, sysctls");
  EXPECT_EQ(error("name: a\naddresses: [10.0.0.1/33]"),
            "case.yaml:2: addresses[0]: expected ADDRESS or ADDRESS/LENGTH, found "
            "\"10.0.0.1/33\"");
  EXPECT_EQ(error("name: a\nsysctls: {net.ipv4.ip_forward: 2}"),
            "case.yaml:2: sysctls[\"net.ipv4.ip_forward\"]: expected a whole number from 0 to 1, "
            "found 2");
  EXPECT_EQ(error("name: a\nroutes: [{dst: x}]"),
            "case.yaml:2: routes[0].dst: expected default, or ADDRESS/LENGTH, found \"x\"");
}

}  // namespace
}  // namespace kubeproof
