#include "model/snapshot/snapshot.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/temporary_folder.h"

namespace kubeproof {
namespace {

constexpr const char* kCluster = R"(
kind: Node
metadata: {name: node-a}
spec: {podCIDRs: [10.180.0.0/24]}
status:
  addresses:
  - {type: Hostname, address: node-a}
  - {type: ExternalIP, address: 203.0.113.9}
  - {type: InternalIP, address: 192.168.0.2}
---
kind: Node
metadata: {name: node-b}
---
kind: Pod
metadata: {name: p}
spec: {nodeName: node-a}
status: {podIP: 10.180.0.7}
)";

class SnapshotTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_.file(name);
    std::ofstream(path) << text;
    return path;
  }

  TemporaryFolder folder_;
};

World world_of(const Snapshot& snapshot) {
  NodePods pods(snapshot.node);
  pods.add(snapshot.objects.cluster);
  return make_world(snapshot.node, pods, snapshot.objects.cluster, snapshot.proxy).value();
}

TEST_F(SnapshotTest, TakesTheNodeFromItsObject) {
  const Snapshot snapshot =
      read_snapshot({.cluster = {write("cluster.yaml", kCluster)}, .node = "node-a"}).value();
  ASSERT_EQ(snapshot.node.addresses.size(), 1U);
  EXPECT_EQ(snapshot.node.addresses[0].address.to_string(), "192.168.0.2");
  EXPECT_EQ(snapshot.node.pod_cidrs, std::vector{*Cidr::parse("10.180.0.0/24")});
  const World world = world_of(snapshot);
  EXPECT_EQ(world.find_interface("pod1")->index, 10U);
  EXPECT_TRUE(world.sysctls.route_localnet);
}

TEST_F(SnapshotTest, NamesTheNodesThereAre) {
  const std::string file = write("cluster.yaml", kCluster);
  EXPECT_EQ(read_snapshot({.cluster = {file}, .node = "node-x"}).error().message,
            file + ": no Node 'node-x'; there are node-a, node-b");
  const std::string empty = write("empty.yaml", "");
  EXPECT_EQ(read_snapshot({.cluster = {empty}, .node = "node-x"}).error().message,
            empty + ": no Node 'node-x'; there are no Node objects at all");
}

TEST_F(SnapshotTest, ReadsTheConfigurationAndTheWorldsFiles) {
  SnapshotFiles files;
  files.cluster = {write("cluster.yaml", kCluster)};
  files.node = "node-a";
  files.proxy_config = write("proxy.yaml",
                             "iptables: {localhostNodePorts: false}\n"
                             "conntrack: {tcpBeLiberal: true}\n");
  files.interfaces = write("addr.json", R"([
      {"ifindex": 1, "ifname": "lo", "link_type": "loopback"},
      {"ifindex": 5, "ifname": "ens5",
       "addr_info": [{"local": "192.168.0.2", "prefixlen": 24, "scope": "global"}]}])");
  files.routes = {write("route.json", R"([{"dst": "default", "gateway": "192.168.0.254",
                                           "dev": "ens5"}])")};
  const World world = world_of(read_snapshot(files).value());
  EXPECT_EQ(world.uplink().index, 5U);
  EXPECT_EQ(world.routes.size(), 1U);
  EXPECT_FALSE(world.sysctls.route_localnet);
  EXPECT_TRUE(world.sysctls.tcp_be_liberal);
}

TEST_F(SnapshotTest, LetsRouteLocalnetFollowTheNodePortAddresses) {
  SnapshotFiles files;
  files.cluster = {write("cluster.yaml", kCluster)};
  files.node = "node-a";
  files.proxy_config = write("proxy.yaml", "nodePortAddresses: [192.168.0.0/24]\n");
  EXPECT_FALSE(world_of(read_snapshot(files).value()).sysctls.route_localnet);
  files.proxy_config = write("primary.yaml", "nodePortAddresses: [primary]\n");
  EXPECT_FALSE(world_of(read_snapshot(files).value()).sysctls.route_localnet);
  files.proxy_config = write("loopback.yaml", "nodePortAddresses: [127.0.0.0/8]\n");
  EXPECT_TRUE(world_of(read_snapshot(files).value()).sysctls.route_localnet);
}

TEST(CompleteNode, AddsTheObjectThatACaseLeftOut) {
  NodeSpec node;
  node.name = "node-a";
  node.addresses = {node_address(*IpAddress::parse("192.168.0.2"))};
  node.pod_cidrs = {*Cidr::parse("10.180.0.0/24")};
  Cluster cluster;
  complete_node(node, cluster);
  const Node& object = cluster.nodes.at({"", "node-a"});
  ASSERT_EQ(object.addresses.size(), 1U);
  EXPECT_EQ(object.addresses[0].type, "InternalIP");
  EXPECT_EQ(object.addresses[0].address, "192.168.0.2");
  EXPECT_EQ(object.pod_cidrs, std::vector<std::string>{"10.180.0.0/24"});
}

TEST(CompleteNode, LeavesWhatBothSay) {
  NodeSpec node;
  node.name = "node-a";
  node.addresses = {node_address(*IpAddress::parse("192.168.0.2"))};
  Cluster cluster;
  Node& object = cluster.nodes[{"", "node-a"}];
  object.addresses = {{"InternalIP", "192.168.0.3"}};
  complete_node(node, cluster);
  EXPECT_EQ(object.addresses[0].address, "192.168.0.3");
  EXPECT_EQ(node.addresses[0].address.to_string(), "192.168.0.2");
}

}  // namespace
}  // namespace kubeproof
