#include "model/cluster/read_objects.h"

#include <gtest/gtest.h>

#include "model/cluster/field_json.h"
#include "model/cluster/read_objects_json.h"

namespace kubeproof {
namespace {

Result<Objects> read(const std::string& text) {
  const auto documents = parse_documents(text, "file");
  if (!documents) return tl::unexpected(documents.error());
  Objects all;
  for (const JsonDocument& document : *documents) {
    auto objects = read_objects(document.value, document);
    if (!objects) return objects;
    all.apply(*std::move(objects));
  }
  return all;
}

std::string error(const std::string& text) {
  const auto objects = read(text);
  return objects ? "no error" : objects.error().message;
}

constexpr const char* kService = R"(
apiVersion: v1
kind: Service
metadata:
  name: web
  namespace: shop
  labels: {app: web}
  uid: something
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10, "fd00::10"]
  ipFamilies: [IPv4, IPv6]
  externalIPs: [198.51.100.7]
  loadBalancerSourceRanges: ["10.0.0.0/8 "]
  externalTrafficPolicy: Local
  internalTrafficPolicy: Local
  sessionAffinity: ClientIP
  sessionAffinityConfig: {clientIP: {timeoutSeconds: 60}}
  healthCheckNodePort: 30000
  ports:
  - {name: http, port: 80, targetPort: 8080, nodePort: 30080}
  - {name: dns, port: 53, protocol: UDP}
status:
  loadBalancer:
    ingress:
    - {ip: 1.2.3.4, ipMode: Proxy}
    - {hostname: example.org}
)";

TEST(ReadObjects, ReadsServices) {
  const Objects objects = read(kService).value();
  const Service& service = objects.cluster.services.at({"shop", "web"});
  EXPECT_EQ(service.type, ServiceType::kLoadBalancer);
  EXPECT_EQ(service.labels.at("app"), "web");
  EXPECT_EQ(service.cluster_ip, "10.96.0.10");
  EXPECT_EQ(service.cluster_ips, (std::vector<std::string>{"10.96.0.10", "fd00::10"}));
  EXPECT_EQ(service.ip_families, (std::vector{Family::kIpv4, Family::kIpv6}));
  EXPECT_EQ(service.external_ips, std::vector<std::string>{"198.51.100.7"});
  EXPECT_EQ(service.load_balancer_source_ranges, std::vector<std::string>{"10.0.0.0/8 "});
  EXPECT_EQ(service.external_traffic_policy, TrafficPolicy::kLocal);
  EXPECT_EQ(service.internal_traffic_policy, TrafficPolicy::kLocal);
  EXPECT_TRUE(service.client_ip_affinity);
  EXPECT_EQ(service.affinity_timeout_seconds, 60U);
  EXPECT_EQ(service.health_check_node_port, 30000);
  ASSERT_EQ(service.ports.size(), 2U);
  EXPECT_EQ(service.ports[0].name, "http");
  EXPECT_EQ(service.ports[0].node_port, 30080);
  EXPECT_EQ(service.ports[1].protocol, kUdp);
  ASSERT_EQ(service.load_balancer_ingress.size(), 2U);
  EXPECT_TRUE(service.load_balancer_ingress[0].proxy_mode);
  EXPECT_EQ(service.load_balancer_ingress[1].ip, "");
}

TEST(ReadObjects, HasTheDefaultsOfTheApi) {
  const Objects objects = read(R"({"kind": "Service", "metadata": {"name": "a"},
      "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})")
                              .value();
  const Service& service = objects.cluster.services.at({"default", "a"});
  EXPECT_EQ(service.type, ServiceType::kClusterIp);
  EXPECT_EQ(service.ports[0].protocol, kTcp);
  EXPECT_EQ(service.external_traffic_policy, TrafficPolicy::kCluster);
  EXPECT_FALSE(service.client_ip_affinity);
  EXPECT_EQ(service.affinity_timeout_seconds, 10800U);
}

TEST(ReadObjects, ReadsEndpointSlices) {
  const Objects objects = read(R"(
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- addresses: [10.244.1.5]
  conditions: {ready: false, serving: true, terminating: true}
  nodeName: node-a
  targetRef: {kind: Pod, name: web-x, namespace: shop}
  hints: {forZones: [{name: z1}], forNodes: [{name: node-a}]}
- addresses: [10.244.1.6]
  conditions: {}
ports:
- {name: http, port: 8080, protocol: TCP}
- {name: "", port: null}
)")
                              .value();
  const EndpointSlice& slice = objects.cluster.endpoint_slices.at({"shop", "web-1"});
  EXPECT_EQ(slice.address_type, SliceAddressType::kIpv4);
  ASSERT_EQ(slice.endpoints.size(), 2U);
  const SliceEndpoint& first = slice.endpoints[0];
  EXPECT_EQ(first.addresses, std::vector<std::string>{"10.244.1.5"});
  EXPECT_FALSE(first.ready);
  EXPECT_TRUE(first.serving);
  EXPECT_TRUE(first.terminating);
  EXPECT_EQ(first.node_name, "node-a");
  EXPECT_EQ(first.target_pod, "web-x");
  EXPECT_EQ(first.zone_hints, std::vector<std::string>{"z1"});
  EXPECT_EQ(first.node_hints, std::vector<std::string>{"node-a"});
  const SliceEndpoint& second = slice.endpoints[1];
  EXPECT_TRUE(second.ready);
  EXPECT_TRUE(second.serving);
  EXPECT_FALSE(second.terminating);
  EXPECT_FALSE(second.node_name);
  ASSERT_EQ(slice.ports.size(), 2U);
  EXPECT_EQ(slice.ports[0].port, 8080);
  EXPECT_FALSE(slice.ports[1].port);
}

TEST(ReadObjects, ReadsEndpointSlicesOfOldClusters) {
  const Objects objects = read(R"(
apiVersion: discovery.k8s.io/v1beta1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop}
addressType: IPv4
endpoints:
- {addresses: [10.244.1.5], topology: {kubernetes.io/hostname: node-a}}
- {addresses: [10.244.1.6], topology: {kubernetes.io/hostname: node-a}, nodeName: node-b}
)")
                              .value();
  const EndpointSlice& slice = objects.cluster.endpoint_slices.at({"shop", "web-1"});
  EXPECT_EQ(slice.endpoints[0].node_name, "node-a");
  EXPECT_EQ(slice.endpoints[1].node_name, "node-b");
}

TEST(ReadObjects, ReadsNodesAndPods) {
  const Objects objects = read(R"(
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: node-a, labels: {topology.kubernetes.io/zone: z1}}
  spec: {podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24, "fd00:1::/64"]}
  status: {addresses: [{type: InternalIP, address: 172.18.0.2}, {type: Hostname, address: node-a}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: p, namespace: shop}
  spec: {nodeName: node-a, hostNetwork: true}
  status: {phase: Running, podIP: 172.18.0.2, podIPs: [{ip: 172.18.0.2}, {ip: "fd00::2"}]}
- apiVersion: v1
  kind: Pod
  metadata: {name: done, namespace: shop}
  spec: {nodeName: node-a}
  status: {phase: Succeeded, podIP: 10.244.1.9}
)")
                              .value();
  const Node& node = objects.cluster.nodes.at({"", "node-a"});
  EXPECT_EQ(node.labels.at("topology.kubernetes.io/zone"), "z1");
  EXPECT_EQ(node.pod_cidrs, (std::vector<std::string>{"10.244.1.0/24", "fd00:1::/64"}));
  ASSERT_EQ(node.addresses.size(), 2U);
  EXPECT_EQ(node.addresses[0].type, "InternalIP");
  const Pod& pod = objects.cluster.pods.at({"shop", "p"});
  EXPECT_TRUE(pod.host_network);
  EXPECT_EQ(pod.pod_ips, (std::vector<std::string>{"172.18.0.2", "fd00::2"}));
  EXPECT_TRUE(objects.cluster.pods.at({"shop", "done"}).pod_ips.empty());
}

TEST(ReadObjects, ReadsListsWhoseItemsDoNotNameTheirKind) {
  const Objects objects = read(R"({"kind": "PodList", "apiVersion": "v1", "metadata": {},
      "items": [{"metadata": {"name": "p"}, "spec": {}}]})")
                              .value();
  EXPECT_TRUE(objects.cluster.pods.contains({"default", "p"}));
  EXPECT_EQ(objects.json.at({ObjectKind::kPod, {"default", "p"}}),
            R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"},"spec":{}})");
}

TEST(ReadObjects, LeavesOutOtherKindsAndCountsThem) {
  const Objects objects = read(R"(
kind: Deployment
apiVersion: apps/v1
metadata: {name: a}
---
kind: Service
apiVersion: serving.knative.dev/v1
metadata: {name: b}
spec: {template: {}}
---
kind: Service
apiVersion: serving.knative.dev/v1
metadata: {name: c}
)")
                              .value();
  EXPECT_TRUE(objects.cluster.services.empty());
  EXPECT_EQ(objects.skipped, (std::map<std::string, size_t>{{"Deployment", 1}, {"Service", 2}}));
}

TEST(ReadObjects, LetsALaterObjectReplaceAnEarlierOne) {
  const std::string pod = R"({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": ")";
  const Objects objects = read(pod + "a\"}}\n" + pod + "b\"}}\n").value();
  EXPECT_EQ(objects.cluster.pods.at({"default", "p"}).node_name, "b");
  EXPECT_EQ(objects.changed, (std::set<ObjectId>{{ObjectKind::kPod, {"default", "p"}}}));
}

TEST(ReadObjects, TakesTheSameObjectTwiceForNoChange) {
  const std::string pod = R"({"kind": "Pod", "metadata": {"name": "p"}})";
  EXPECT_TRUE(read(pod + "\n" + pod + "\n").value().changed.empty());
}

TEST(ReadObjects, RefusesAListWithHoles) {
  EXPECT_FALSE(read(R"({"kind": "List", "items": [null]})"));
}

TEST(ReadObjects, KeepsObjectsWordForWord) {
  const Objects objects = read(kService).value();
  const auto json = nlohmann::json::parse(objects.json.at({ObjectKind::kService, {"shop", "web"}}));
  EXPECT_EQ(json["metadata"]["uid"], "something");
  EXPECT_EQ(json["spec"]["ports"][0]["targetPort"], 8080);
}

TEST(ReadObjects, ErasesByKindAndName) {
  Objects objects = read(kService).value();
  EXPECT_FALSE(objects.erase({ObjectKind::kPod, {"shop", "web"}}));
  EXPECT_TRUE(objects.erase({ObjectKind::kService, {"shop", "web"}}));
  EXPECT_TRUE(objects.cluster.services.empty());
  EXPECT_TRUE(objects.json.empty());
}

// Each replaces a line of the Service above by one with a mistake in it.
struct Mistake {
  const char* right;
  const char* wrong;
  const char* message;
};

class ServiceMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ServiceMistake, IsNamed) {
  std::string text = kService;
  const Mistake& mistake = GetParam();
  const size_t at = text.find(mistake.right);
  ASSERT_NE(at, std::string::npos);
  text.replace(at, std::string(mistake.right).size(), mistake.wrong);
  EXPECT_EQ(error(text), mistake.message);
}

INSTANTIATE_TEST_SUITE_P(
    ReadObjects, ServiceMistake,
    testing::Values(
        Mistake{"port: 80,", "port: 70000,",
                "file:22: Service shop/web: spec.ports[0].port: expected a whole number from 1 to "
                "65535, found 70000"},
        Mistake{"port: 80,", "port: \"80\",",
                "file:22: Service shop/web: spec.ports[0].port: expected a whole number from 1 to "
                "65535, found \"80\""},
        Mistake{"port: 80,", "",
                "file:22: Service shop/web: spec.ports[0].port: expected a whole number from 1 to "
                "65535, found nothing"},
        Mistake{"nodePort: 30080", "nodePort: -1",
                "file:22: Service shop/web: spec.ports[0].nodePort: expected a whole number from 0 "
                "to 65535, found -1"},
        Mistake{"protocol: UDP", "protocol: XYZ",
                "file:23: Service shop/web: spec.ports[1].protocol: expected one of TCP, UDP, "
                "SCTP, found \"XYZ\""},
        Mistake{"name: dns,", "name: http,",
                "file:23: Service shop/web: spec.ports[1].name: a port of this name came before"},
        Mistake{"[IPv4, IPv6]", "[IPv4, IPv5]",
                "file:13: Service shop/web: spec.ipFamilies[1]: expected one of IPv4, IPv6, found "
                "\"IPv5\""},
        Mistake{"clusterIP: 10.96.0.10", "clusterIP: 10.96.0",
                "file:11: Service shop/web: spec.clusterIP: expected an IP address or None, found "
                "\"10.96.0\""},
        Mistake{"[10.96.0.10, \"fd00::10\"]", "[10.96.0.11, \"fd00::10\"]",
                "file:12: Service shop/web: spec.clusterIPs[0]: expected what clusterIP is, "
                "10.96.0.10, found \"10.96.0.11\""},
        Mistake{"[10.96.0.10, \"fd00::10\"]", "[10.96.0.10, 10.96.0.11]",
                "file:12: Service shop/web: spec.clusterIPs[1]: expected an address of the other "
                "family than that before, found \"10.96.0.11\""},
        Mistake{"[10.96.0.10, \"fd00::10\"]", "[10.96.0.10, None]",
                "file:12: Service shop/web: spec.clusterIPs[1]: expected an IP address, since "
                "there are several, found \"None\""},
        Mistake{"[IPv4, IPv6]", "[IPv6, IPv4]",
                "file:12: Service shop/web: spec.clusterIPs[0]: expected an IPv6 address, as in "
                "ipFamilies, found \"10.96.0.10\""},
        Mistake{"[IPv4, IPv6]", "[IPv4]",
                "file:12: Service shop/web: spec.clusterIPs[1]: expected no more addresses than "
                "ipFamilies has families, found \"fd00::10\""},
        Mistake{"[IPv4, IPv6]", "[IPv4, IPv4]",
                "file:13: Service shop/web: spec.ipFamilies[1]: a family comes once"},
        Mistake{"kind: Service", "kind: \"\"",
                "file:3: kind: expected the kind of an object, found \"\""},
        Mistake{"labels: {app: web}", "labels: {app/x: yes}",
                "file:7: Service shop/web: metadata.labels[\"app/x\"]: expected a string, found "
                "true"},
        Mistake{"timeoutSeconds: 60", "timeoutSeconds: 0",
                "file:19: Service shop/web: "
                "spec.sessionAffinityConfig.clientIP.timeoutSeconds: expected a whole number from "
                "1 to 86400, found 0"},
        Mistake{"  name: web", "  title: web",
                "file:5: Service: metadata.name: expected a string, found nothing"},
        Mistake{"  name: web", "  name: \"web\\nCOMMIT\"",
                "file:5: Service: metadata.name: expected a name of lower-case letters, digits, "
                "'-' and '.', found \"web\\nCOMMIT\""},
        Mistake{"apiVersion: v1", "apiVersion: v2",
                "file:2: Service shop/web: apiVersion: expected v1, found \"v2\""}),
    [](const auto& info) { return std::to_string(info.index); });

TEST(ReadObjects, NamesTheFieldInsideOfLists) {
  EXPECT_EQ(error(R"({"kind": "List", "items": [{"kind": "Pod", "metadata": {"name": "p"},
      "spec": {"hostNetwork": "yes"}}]})"),
            "file: Pod default/p: spec.hostNetwork: expected true or false, found \"yes\"");
  EXPECT_EQ(error("- kind: Deployment\n- 5\n"), "file:2: [1]: expected an object, found 5");
  EXPECT_EQ(error("spec: {}"), "file:1: kind: expected a string, found nothing");
}

TEST(ReadObjects, HoldsEndpointsToTheAddressType) {
  EXPECT_EQ(error(R"({"kind": "EndpointSlice", "metadata": {"name": "e"}, "addressType": "IPv6",
      "endpoints": [{"addresses": ["10.0.0.1"]}]})"),
            "file: EndpointSlice default/e: endpoints[0].addresses[0]: expected an IPv6 address, "
            "found \"10.0.0.1\"");
}

TEST(ReadObjects, RefusesAddressesThatAreNobodys) {
  for (const char* address : {"0.0.0.0", "224.0.0.1"}) {
    EXPECT_EQ(error(fmt::format(R"({{"kind": "EndpointSlice", "metadata": {{"name": "e"}},
        "addressType": "IPv4", "endpoints": [{{"addresses": ["{}"]}}]}})",
                                address)),
              fmt::format("file: EndpointSlice default/e: endpoints[0].addresses[0]: expected an "
                          "address that an endpoint can have, found \"{}\"",
                          address));
  }
  for (const char* address : {"::", "ff02::1"}) {
    EXPECT_EQ(error(fmt::format(R"({{"kind": "Service", "metadata": {{"name": "s"}},
        "spec": {{"externalIPs": ["{}"]}}}})",
                                address)),
              fmt::format("file: Service default/s: spec.externalIPs[0]: expected an address that "
                          "a Service can have, found \"{}\"",
                          address));
  }
  EXPECT_EQ(error(R"({"kind": "Service", "metadata": {"name": "s"},
      "spec": {"externalIPs": ["127.0.0.1", "169.254.1.1", "239.0.0.1"]}})"),
            "no error");
  EXPECT_EQ(error(R"({"kind": "Service", "metadata": {"name": "s"},
      "spec": {"clusterIP": "0.0.0.0"}})"),
            "file: Service default/s: spec.clusterIP: expected an address that a Service can have, "
            "found \"0.0.0.0\"");
}

TEST(ReadObjects, ReadsNamesOfObjects) {
  const auto documents =
      parse_documents(R"([{"kind": "EndpointSlice", "namespace": "a", "name": "b"},
                          {"kind": "Node", "name": "n"}, {"kind": "Pod", "name": "p", "x": 1}])",
                      "file");
  const JsonDocument& document = documents->front();
  EXPECT_EQ(read_object_id(JsonField(document.value[0]), document)->to_string(),
            "EndpointSlice a/b");
  EXPECT_EQ(read_object_id(JsonField(document.value[1]), document)->to_string(), "Node n");
  EXPECT_EQ(read_object_id(JsonField(document.value[2]), document).error().message,
            "file: x: unknown field; known are kind, namespace, name");
}

}  // namespace
}  // namespace kubeproof
