// Damaged snapshots: what is read either gives one line that names a file or an object, or a
// configuration that kube-proxy's rules can be made from and packets be judged with.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "model/cluster/document_json.h"
#include "model/packet/packet_builder.h"
#include "replay/engine/reference.h"
#include "tests/fuzz/fuzz_run.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof::fuzz {
namespace {

using nlohmann::json;

constexpr const char* kCluster = R"(apiVersion: v1
kind: Node
metadata: { name: node-a }
spec: { podCIDRs: [10.180.0.0/24, "fd00:10:180::/64"] }
status:
  addresses:
  - { type: InternalIP, address: 192.168.0.2 }
  - { type: InternalIP, address: "2001:db8::2" }
---
apiVersion: v1
kind: Service
metadata: { namespace: default, name: web }
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, "fd00:96::10"]
  externalIPs: [198.51.100.1]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Cluster
  healthCheckNodePort: 30900
  ipFamilies: [IPv4, IPv6]
  loadBalancerSourceRanges: [203.0.113.0/24]
  sessionAffinity: ClientIP
  sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } }
  ports:
  - { name: http, protocol: TCP, port: 80, targetPort: 8080, nodePort: 30080 }
  - { name: dns, protocol: UDP, port: 53, targetPort: dns }
status: { loadBalancer: { ingress: [{ ip: 198.51.100.9, ipMode: VIP }] } }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: default, name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints:
- { addresses: [10.180.0.5], nodeName: node-a, conditions: { ready: true, serving: true } }
- { addresses: [10.180.1.6], nodeName: node-b, conditions: { terminating: true } }
ports:
- { name: http, protocol: TCP, port: 8080 }
- { name: dns, protocol: UDP, port: 5353 }
---
apiVersion: v1
kind: Pod
metadata: { namespace: default, name: web-a1 }
spec: { nodeName: node-a }
status: { podIPs: [{ ip: 10.180.0.5 }] }
)";

constexpr const char* kProxyConfig = R"(apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: 10.180.0.0/16
detectLocalMode: ClusterCIDR
nodePortAddresses: [192.168.0.0/24, primary]
iptables: { masqueradeBit: 14, masqueradeAll: false, syncPeriod: 30s }
conntrack: { tcpEstablishedTimeout: 24h0m0s }
)";

constexpr std::array<std::string_view, 40> kWords = {"null",
                                                     "[]",
                                                     "{}",
                                                     "-1",
                                                     "0",
                                                     "65536",
                                                     "99999999999999999999",
                                                     "1e400",
                                                     ".nan",
                                                     "true",
                                                     "~",
                                                     "\"\"",
                                                     "''",
                                                     "\n",
                                                     "\n  ",
                                                     ": ",
                                                     "- ",
                                                     "? ",
                                                     "&a ",
                                                     "*a",
                                                     "<<: ",
                                                     "!!int ",
                                                     "|\n",
                                                     ">\n",
                                                     "\t",
                                                     "#",
                                                     "---\n",
                                                     "...\n",
                                                     "%YAML 9\n",
                                                     "{",
                                                     "}",
                                                     "[",
                                                     "]",
                                                     ",",
                                                     "\"",
                                                     "\\u0000",
                                                     "::",
                                                     "0.0.0.0",
                                                     "10.0.0.0/0",
                                                     "255.255.255.255"};

// Puts something else in the place of a value, anywhere in the tree.
void replace_value(json& tree, Random& random) {
  json* at = &tree;
  while (at->is_structured() && !at->empty() && random() % 6 != 0) {
    at = &*std::next(at->begin(), static_cast<ptrdiff_t>(below(random, at->size())));
  }
  static const json kOthers = json::parse(
      R"([null, true, 0, -1, 65536, 4294967296, 1.5, "", "x", "10.0.0.1", "fd00::1", "0.0.0.0/0",
          "::/0", "None", [], {}, [[]], [null], {"": null}, "127.0.0.1", "224.0.0.1", 1e300])");
  *at = kOthers[below(random, kOthers.size())];
}

class SnapshotFuzz : public testing::Test {
 protected:
  // Everything up to a judged packet of every family and to every kind of address.
  void read(const SnapshotFiles& files) {
    const auto snapshot = read_snapshot(files);
    if (!snapshot) return expect_one_line(snapshot.error());
    const auto configuration = configure(*snapshot, {});
    if (!configuration) return expect_one_line(configuration.error());
    Reference reference;
    if (auto programmed = reference.program(*configuration); !programmed) {
      return expect_one_line(programmed.error());
    }
    for (const char* to : {"10.96.0.10:80", "192.168.0.2:30080", "198.51.100.1:80"}) {
      judge(reference, *configuration, PacketBuilder::tcp("203.0.113.9:4000", to).syn().build());
    }
    judge(reference, *configuration,
          PacketBuilder::udp("[fd00:10:180::5]:4000", "[fd00:96::10]:53").build());
  }

  static void judge(Reference& reference, const Configuration& configuration, const Bytes& packet) {
    double sum = 0;
    for (const Outcome& outcome :
         reference.evaluate({{configuration.world.uplink().index}, packet, 0})) {
      sum += outcome.probability;
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }

  static void expect_one_line(const Error& error) {
    EXPECT_EQ(error.kind, ErrorKind::kBadInput) << error.message;
    EXPECT_EQ(std::count(error.message.begin(), error.message.end(), '\n'), 0) << error.message;
    EXPECT_FALSE(error.message.empty());
  }

  FuzzRun run_;
};

TEST_F(SnapshotFuzz, DamagedText) {
  const std::string addresses = read_whole("corpus/lab/node-a-addr.json");
  const std::string routes = read_whole("corpus/lab/node-a-route6.json");
  while (run_.next()) {
    std::string cluster = kCluster;
    std::string proxy = kProxyConfig;
    std::string addr = addresses;
    std::string route = routes;
    std::array<std::string*, 6> texts = {&cluster, &cluster, &cluster, &proxy, &addr, &route};
    mutate(*texts[below(run_.random(), texts.size())], kWords, run_.random());
    SnapshotFiles files;
    files.cluster = {run_.write("cluster.yaml", cluster)};
    files.node = "node-a";
    files.proxy_config = run_.write("kube-proxy.yaml", proxy);
    if (run_.random()() % 2 == 0) {
      files.interfaces = run_.write("addr.json", addr);
      files.routes = {run_.write("route.json", route)};
    }
    SCOPED_TRACE(run_.describe());
    read(files);
  }
}

TEST_F(SnapshotFuzz, WrongTypesAndValuesAnywhere) {
  json list = {{"kind", "List"}, {"apiVersion", "v1"}, {"items", json::array()}};
  const std::vector<JsonDocument> objects = parse_documents(kCluster, "cluster").value();
  for (const JsonDocument& object : objects) list["items"].push_back(object.value);
  const json config = parse_documents(kProxyConfig, "config").value().front().value;
  const json addresses = json::parse(read_whole("corpus/lab/node-a-addr.json"));
  const json routes = json::parse(read_whole("corpus/lab/node-a-route.json"));
  while (run_.next()) {
    json cluster = list;
    json proxy = config;
    json addr = addresses;
    json route = routes;
    std::array<json*, 6> trees = {&cluster, &cluster, &cluster, &proxy, &addr, &route};
    json& tree = *trees[below(run_.random(), trees.size())];
    for (size_t changes = 1 + below(run_.random(), 3); changes > 0; --changes) {
      replace_value(tree, run_.random());
    }
    SnapshotFiles files;
    files.cluster = {run_.write("cluster.json", cluster.dump())};
    files.node = "node-a";
    files.proxy_config = run_.write("kube-proxy.json", proxy.dump());
    files.interfaces = run_.write("addr.json", addr.dump());
    files.routes = {run_.write("route.json", route.dump())};
    SCOPED_TRACE(run_.describe());
    read(files);
  }
}

}  // namespace
}  // namespace kubeproof::fuzz
