// Objects and a node for the tests of control.
#pragma once

#include <string>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/node/world.h"

namespace kubeproof::control {

inline SliceEndpoint endpoint(const std::string& address, const std::string& node) {
  SliceEndpoint endpoint;
  endpoint.addresses = {address};
  endpoint.node_name = node;
  return endpoint;
}

inline SliceEndpoint draining(SliceEndpoint endpoint) {
  endpoint.ready = false;
  endpoint.terminating = true;
  return endpoint;
}

inline EndpointSlice slice(const std::string& service, uint16_t port,
                           std::vector<SliceEndpoint> endpoints) {
  EndpointSlice slice;
  slice.key = {"default", service + "-abc"};
  slice.labels = {{"kubernetes.io/service-name", service}};
  SlicePort slice_port;
  slice_port.name = "";
  slice_port.port = port;
  slice.ports = {slice_port};
  slice.endpoints = std::move(endpoints);
  return slice;
}

inline Service service(const std::string& name, const std::string& cluster_ip) {
  Service service;
  service.key = {"default", name};
  service.cluster_ip = cluster_ip;
  service.cluster_ips = {cluster_ip};
  service.ip_families = {Family::kIpv4};
  ServicePort port;
  port.port = 80;
  service.ports = {port};
  return service;
}

inline Interface interface(uint32_t index, const std::string& name, InterfaceKind kind,
                           const std::vector<std::string>& addresses) {
  Interface interface;
  interface.index = index;
  interface.name = name;
  interface.kind = kind;
  for (const std::string& text : addresses) {
    const size_t slash = text.find('/');
    InterfaceAddress address;
    address.address = *IpAddress::parse(text.substr(0, slash));
    address.prefix_length = static_cast<uint8_t>(std::stoi(text.substr(slash + 1)));
    if (address.address.is_loopback()) address.scope = AddressScope::kHost;
    interface.addresses.push_back(address);
  }
  return interface;
}

// node-a: eth0 192.168.0.2 and 2001:db8::2, one pod's interface without an address.
inline World world() {
  World world;
  world.node_name = "node-a";
  world.interfaces = {
      interface(1, "lo", InterfaceKind::kLoopback, {"127.0.0.1/8", "::1/128"}),
      interface(2, "eth0", InterfaceKind::kUplink, {"192.168.0.2/24", "2001:db8::2/64"}),
      interface(10, "pod1", InterfaceKind::kPod, {}),
  };
  return world;
}

}  // namespace kubeproof::control
