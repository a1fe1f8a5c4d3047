#include "tests/bench/bench_cluster.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace kubeproof {
namespace {

constexpr size_t kNodePorts = 2000;
constexpr uint16_t kFirstNodePort = 30000;
constexpr uint16_t kEndpointPort = 8080;

std::string cluster_ip(size_t service) {
  return IpAddress::v4(0x0a600000 + static_cast<uint32_t>(service + 1)).to_string();
}

std::string endpoint_ip(size_t service, size_t endpoints, size_t index) {
  return IpAddress::v4(0x0b000000 + static_cast<uint32_t>(service * endpoints + index + 1))
      .to_string();
}

uint16_t node_port(size_t service) {
  return service < kNodePorts ? static_cast<uint16_t>(kFirstNodePort + service) : 0;
}

Interface interface(uint32_t index, std::string name, InterfaceKind kind) {
  Interface made;
  made.index = index;
  made.name = std::move(name);
  made.kind = kind;
  return made;
}

InterfaceAddress on_interface(std::string_view address, uint8_t prefix_length) {
  InterfaceAddress made;
  made.address = *IpAddress::parse(address);
  made.prefix_length = prefix_length;
  return made;
}

Route route(std::string_view destination, uint32_t to) {
  Route made;
  made.destination = *Cidr::parse(destination);
  made.interface = to;
  return made;
}

World bench_world() {
  World world;
  world.node_name = "node-a";
  world.interfaces = {interface(1, "lo", InterfaceKind::kLoopback),
                      interface(kBenchUplink, "eth0", InterfaceKind::kUplink),
                      interface(kBenchPod, "pod1", InterfaceKind::kPod)};
  world.interfaces[0].mtu = 65536;
  world.interfaces[0].addresses = {on_interface("127.0.0.1", 8)};
  world.interfaces[0].addresses[0].scope = AddressScope::kHost;
  world.interfaces[1].addresses = {on_interface("192.168.0.2", 24)};
  world.pod_cidrs = {*Cidr::parse("10.180.0.0/24")};
  world.routes = {route("192.168.0.0/24", kBenchUplink), route("10.180.0.9/32", kBenchPod),
                  route("0.0.0.0/0", kBenchUplink)};
  world.routes.back().gateway = *IpAddress::parse("192.168.0.1");
  return world;
}

void add_service(Cluster& cluster, size_t index, size_t endpoints) {
  Service service;
  service.key = {"default", fmt::format("web-{}", index)};
  service.type = node_port(index) != 0 ? ServiceType::kNodePort : ServiceType::kClusterIp;
  service.cluster_ip = cluster_ip(index);
  service.cluster_ips = {service.cluster_ip};
  service.ip_families = {Family::kIpv4};
  service.ports = {{.name = "http", .protocol = kTcp, .port = 80, .node_port = node_port(index)}};

  EndpointSlice slice;
  slice.key = {"default", service.key.name + "-abcde"};
  slice.labels = {{"kubernetes.io/service-name", service.key.name}};
  slice.ports = {{.name = "http", .protocol = kTcp, .port = kEndpointPort}};
  for (size_t i = 0; i < endpoints; ++i) {
    SliceEndpoint& endpoint = slice.endpoints.emplace_back();
    endpoint.addresses = {endpoint_ip(index, endpoints, i)};
    endpoint.node_name = "node-b";
  }
  cluster.services.emplace(service.key, std::move(service));
  cluster.endpoint_slices.emplace(slice.key, std::move(slice));
}

nlohmann::json service_as_json(size_t index) {
  nlohmann::json port = {
      {"name", "http"}, {"port", 80}, {"protocol", "TCP"}, {"targetPort", kEndpointPort}};
  if (node_port(index) != 0) port["nodePort"] = node_port(index);
  const std::string name = fmt::format("web-{}", index);
  return {{"apiVersion", "v1"},
          {"kind", "Service"},
          {"metadata",
           {{"creationTimestamp", "2026-01-01T00:00:00Z"},
            {"labels", {{"app", name}}},
            {"name", name},
            {"namespace", "default"},
            {"resourceVersion", "1000"},
            {"uid", fmt::format("00000000-0000-4000-8000-{:012}", index)}}},
          {"spec",
           {{"clusterIP", cluster_ip(index)},
            {"clusterIPs", {cluster_ip(index)}},
            {"internalTrafficPolicy", "Cluster"},
            {"ipFamilies", {"IPv4"}},
            {"ipFamilyPolicy", "SingleStack"},
            {"ports", {port}},
            {"selector", {{"app", name}}},
            {"sessionAffinity", "None"},
            {"type", node_port(index) != 0 ? "NodePort" : "ClusterIP"}}},
          {"status", {{"loadBalancer", nlohmann::json::object()}}}};
}

nlohmann::json slice_as_json(size_t index, size_t endpoints) {
  const std::string name = fmt::format("web-{}", index);
  auto list = nlohmann::json::array();
  for (size_t i = 0; i < endpoints; ++i) {
    list.push_back({{"addresses", {endpoint_ip(index, endpoints, i)}},
                    {"conditions", {{"ready", true}, {"serving", true}, {"terminating", false}}},
                    {"nodeName", "node-b"},
                    {"targetRef",
                     {{"kind", "Pod"},
                      {"name", fmt::format("{}-{}", name, i)},
                      {"namespace", "default"},
                      {"uid", fmt::format("00000000-0000-4000-9000-{:012}", index)}}}});
  }
  return {{"addressType", "IPv4"},
          {"apiVersion", "discovery.k8s.io/v1"},
          {"endpoints", std::move(list)},
          {"kind", "EndpointSlice"},
          {"metadata",
           {{"labels",
             {{"endpointslice.kubernetes.io/managed-by", "endpointslice-controller.k8s.io"},
              {"kubernetes.io/service-name", name}}},
            {"name", name + "-abcde"},
            {"namespace", "default"},
            {"resourceVersion", "1000"}}},
          {"ports", {{{"name", "http"}, {"port", kEndpointPort}, {"protocol", "TCP"}}}}};
}

}  // namespace

SocketAddress bench_service(size_t index) {
  return {*IpAddress::parse(cluster_ip(index)), 80};
}

Configuration bench_configuration(size_t services, size_t endpoints) {
  Configuration configuration;
  configuration.world = bench_world();
  configuration.proxy.cluster_cidrs = {"10.180.0.0/16"};
  for (size_t i = 0; i < services; ++i) add_service(configuration.cluster, i, endpoints);
  return configuration;
}

std::string bench_objects_as_json(size_t services, size_t endpoints) {
  auto items = nlohmann::json::array();
  items.push_back(
      {{"apiVersion", "v1"},
       {"kind", "Node"},
       {"metadata", {{"name", "node-a"}}},
       {"spec", {{"podCIDR", "10.180.0.0/24"}, {"podCIDRs", {"10.180.0.0/24"}}}},
       {"status", {{"addresses", {{{"address", "192.168.0.2"}, {"type", "InternalIP"}}}}}}});
  for (size_t i = 0; i < services; ++i) {
    items.push_back(service_as_json(i));
    items.push_back(slice_as_json(i, endpoints));
  }
  return nlohmann::json{
      {"apiVersion", "v1"}, {"items", std::move(items)}, {"kind", "List"}, {"metadata", {}}}
      .dump(4);
}

}  // namespace kubeproof
