#include "model/cluster/conflicts.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

Service& add(Cluster& cluster, const std::string& name, const std::string& cluster_ip,
             uint16_t port, uint16_t node_port, Protocol protocol = kTcp) {
  Service& service = cluster.services[{"default", name}];
  service.key = {"default", name};
  service.type = ServiceType::kNodePort;
  service.cluster_ip = cluster_ip;
  service.cluster_ips = {cluster_ip};
  ServicePort& added = service.ports.emplace_back();
  added.port = port;
  added.node_port = node_port;
  added.protocol = protocol;
  return service;
}

std::string conflict(const Cluster& cluster) {
  const auto checked = check_conflicts(cluster);
  return checked ? "" : checked.error().message;
}

TEST(Conflicts, NamesBothServicesOfANodePort) {
  Cluster cluster;
  add(cluster, "a", "10.96.0.1", 80, 30001);
  add(cluster, "b", "10.96.0.2", 80, 30001, kUdp);
  EXPECT_EQ(conflict(cluster), "");
  Service& third = add(cluster, "c", "10.96.0.3", 80, 30001);
  EXPECT_EQ(conflict(cluster),
            "Service default/c: spec.ports: TCP node port 30001 is taken by Service default/a");
  third.type = ServiceType::kClusterIp;  // has no node ports, whatever stands there
  EXPECT_EQ(conflict(cluster), "");
}

TEST(Conflicts, NamesBothServicesOfAClusterIp) {
  Cluster cluster;
  add(cluster, "a", "10.96.0.1", 80, 0);
  Service& second = add(cluster, "b", "10.96.0.1", 81, 0);
  EXPECT_EQ(conflict(cluster),
            "Service default/b: spec.clusterIPs: 10.96.0.1 is taken by Service default/a");
  second.cluster_ip = "None";
  EXPECT_EQ(conflict(cluster), "");
}

TEST(Conflicts, NamesAPortThatOccursTwice) {
  Cluster cluster;
  Service& service = add(cluster, "a", "10.96.0.1", 53, 0);
  service.ports.push_back(service.ports.front());
  EXPECT_EQ(conflict(cluster), "Service default/a: spec.ports: TCP port 53 occurs twice");
  service.ports.back().protocol = kUdp;
  EXPECT_EQ(conflict(cluster), "");
}

}  // namespace
}  // namespace kubeproof
