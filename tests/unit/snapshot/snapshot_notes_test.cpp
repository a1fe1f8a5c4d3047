#include "model/snapshot/snapshot_notes.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

Service& add_service(Cluster& cluster, const std::string& name) {
  Service& service = cluster.services[{"default", name}];
  service.key = {"default", name};
  service.cluster_ip = "10.96.0.1";
  return service;
}

void add_slice(Cluster& cluster, const std::string& name, const std::string& service) {
  EndpointSlice& slice = cluster.endpoint_slices[{"default", name}];
  slice.key = {"default", name};
  slice.labels["kubernetes.io/service-name"] = service;
}

TEST(SnapshotNotes, AreEmptyWhereEachServiceHasItsSlices) {
  Objects objects;
  Cluster& cluster = objects.cluster;
  add_service(cluster, "web");
  add_slice(cluster, "web-1", "web");
  add_service(cluster, "headless").cluster_ip = "None";
  add_service(cluster, "elsewhere").type = ServiceType::kExternalName;
  EXPECT_TRUE(snapshot_notes(objects).empty());
}

TEST(SnapshotNotes, NameServicesWithoutSlicesAndSlicesWithoutService) {
  Objects objects;
  Cluster& cluster = objects.cluster;
  for (const char* name : {"a", "b", "c", "d", "e"}) add_service(cluster, name);
  add_slice(cluster, "web-1", "web");
  EXPECT_EQ(snapshot_notes(objects),
            (std::vector<std::string>{
                "Services without an EndpointSlice, so without endpoints: default/a, default/b, "
                "default/c and 2 more",
                "EndpointSlices of no Service among the objects, not used: default/web-1"}));
}

TEST(SnapshotNotes, NameServicesThatKubeProxyPassesOver) {
  Objects objects;
  Cluster& cluster = objects.cluster;
  add_service(cluster, "a").cluster_ip.clear();
  Service& half = add_service(cluster, "b");
  half.cluster_ips = {"10.96.0.1"};
  half.ip_families = {Family::kIpv4, Family::kIpv6};
  for (const char* name : {"a", "b"}) add_slice(cluster, name, name);
  EXPECT_EQ(snapshot_notes(objects),
            (std::vector<std::string>{
                "Services without a cluster IP for each of their families, to which kube-proxy "
                "gives no rules there: default/a, default/b"}));
}

TEST(SnapshotNotes, NameServicesWithAddressesThatAreNone) {
  Objects objects;
  Cluster& cluster = objects.cluster;
  add_service(cluster, "a").external_ips = {"203.0.113.1", "203.0.113"};
  add_service(cluster, "b").load_balancer_source_ranges = {"10.0.0.0/33"};
  add_service(cluster, "c").load_balancer_ingress = {{.ip = "lb.example.org"}};
  Service& right = add_service(cluster, "d");
  right.external_ips = {"203.0.113.001"};
  right.load_balancer_source_ranges = {" 10.0.0.0/8 "};
  right.load_balancer_ingress = {{.ip = ""}, {.ip = "2001:db8::1"}};
  for (const char* name : {"a", "b", "c", "d"}) add_slice(cluster, name, name);
  EXPECT_EQ(snapshot_notes(objects),
            (std::vector<std::string>{
                "Services with external IPs, load balancer IPs or source ranges that are none, "
                "which kube-proxy passes over: default/a, default/b, default/c"}));
}

TEST(SnapshotNotes, NameKindsThatAreNotUsed) {
  Objects objects;
  objects.skipped = {{"Endpoints", 3}, {"Ingress", 1}};
  EXPECT_EQ(
      snapshot_notes(objects),
      (std::vector<std::string>{"objects of other kinds, not used: Endpoints (3), Ingress (1)"}));
}

TEST(SnapshotNotes, NameObjectsThatWereGivenTwiceAndNotAlike) {
  Objects objects;
  objects.changed = {{ObjectKind::kNode, {"", "node-a"}}};
  EXPECT_EQ(snapshot_notes(objects),
            (std::vector<std::string>{
                "given more than once and not alike, so that the last one counts: Node node-a"}));
}

TEST(SnapshotNotes, NameFeatureGatesThatChangeNothing) {
  ProxyConfig proxy;
  proxy.ignored_feature_gates = {"TopologyAwareHints"};
  EXPECT_EQ(snapshot_notes({}, proxy),
            (std::vector<std::string>{"feature gates that are taken as they are by default, "
                                      "whatever the configuration says: TopologyAwareHints"}));
}

}  // namespace
}  // namespace kubeproof
