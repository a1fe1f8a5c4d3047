#include "tests/attached/attached_node.h"

#include <fmt/format.h>

#include "model/packet/protocol_name.h"
#include "replay/engine/sysctl.h"
#include "tests/unit/datapath/loaded_once.h"
#include "tests/unit/datapath/tested_programs.h"

namespace kubeproof::attached {
namespace {

constexpr std::array kBackends = {Backend::kOnPod, Backend::kFar, Backend::kOnNode,
                                  Backend::kOverlaid, Backend::kNone};
constexpr uint16_t kFirstNodePort = 30000;
constexpr MapSizes kSizes = {.frontends = 1000, .backends = 1000, .flows = 100'000};

int number(Backend backend) {
  return static_cast<int>(backend);
}

IpAddress ip(const std::string& text) {
  return *IpAddress::parse(text);
}

std::string by_family(Family family, const char* ipv4, const char* ipv6) {
  return family == Family::kIpv4 ? ipv4 : ipv6;
}

IpAddress far_address(Family family) {
  return ip(by_family(family, "10.180.1.7", "fd00:180:1::7"));
}

IpAddress overlay_address(Family family) {
  return ip(by_family(family, "10.180.2.7", "fd00:180:2::7"));
}

Service make_service(Backend backend) {
  Service service;
  service.key = {"default", to_string(backend)};
  service.type = ServiceType::kLoadBalancer;
  service.ip_families = {Family::kIpv4, Family::kIpv6};
  for (const Family family : service.ip_families) {
    service.cluster_ips.push_back(cluster_ip(backend, family).address.to_string());
    service.external_ips.push_back(external_ip(backend, family).address.to_string());
    service.load_balancer_ingress.push_back(
        {.ip = load_balancer_ip(backend, family).address.to_string()});
  }
  service.cluster_ip = service.cluster_ips.front();
  for (const Protocol protocol : {kTcp, kUdp, kSctp}) {
    ServicePort port;
    port.name = protocol_name(protocol);
    port.protocol = protocol;
    port.port = kServicePort;
    port.node_port = node_port(backend, Family::kIpv4).port;
    service.ports.push_back(port);
  }
  return service;
}

SliceEndpoint make_endpoint(Backend backend, Family family) {
  SliceEndpoint endpoint;
  const bool here = backend == Backend::kOnPod || backend == Backend::kOnNode;
  endpoint.node_name = here ? "node-a" : "node-b";
  if (backend == Backend::kOnPod) endpoint.addresses = {pod1_address(family).to_string()};
  if (backend == Backend::kFar) endpoint.addresses = {far_address(family).to_string()};
  if (backend == Backend::kOnNode) endpoint.addresses = {node_address(family).to_string()};
  if (backend == Backend::kOverlaid) endpoint.addresses = {overlay_address(family).to_string()};
  return endpoint;
}

EndpointSlice make_slice(Backend backend, Family family) {
  EndpointSlice slice;
  const std::string name = to_string(backend);
  slice.key = {"default", name + by_family(family, "-ipv4", "-ipv6")};
  slice.labels = {{"kubernetes.io/service-name", name}};
  slice.address_type = family == Family::kIpv4 ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6;
  for (const Protocol protocol : {kTcp, kUdp, kSctp}) {
    SlicePort port;
    port.name = protocol_name(protocol);
    port.protocol = protocol;
    port.port = kServerPort;
    slice.ports.push_back(port);
  }
  if (backend != Backend::kNone) slice.endpoints = {make_endpoint(backend, family)};
  return slice;
}

Cluster make_cluster() {
  Cluster cluster;
  for (const Backend backend : kBackends) {
    Service service = make_service(backend);
    cluster.services[service.key] = service;
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      EndpointSlice slice = make_slice(backend, family);
      cluster.endpoint_slices[slice.key] = slice;
    }
  }
  return cluster;
}

}  // namespace

std::string to_string(Backend backend) {
  switch (backend) {
    case Backend::kOnPod:
      return "on-pod";
    case Backend::kFar:
      return "far";
    case Backend::kOnNode:
      return "on-node";
    case Backend::kOverlaid:
      return "overlaid";
    case Backend::kNone:
      break;
  }
  return "empty";
}

std::string to_string(Origin origin) {
  switch (origin) {
    case Origin::kOutside:
      return "Outside";
    case Origin::kOverlay:
      return "Overlay";
    case Origin::kPod1:
      return "Pod1";
    case Origin::kPod2:
      return "Pod2";
    case Origin::kNode:
      break;
  }
  return "Node";
}

SocketAddress cluster_ip(Backend backend, Family family) {
  return {ip(by_family(family, "10.96.0.", "fd00:96::") + fmt::to_string(number(backend))),
          kServicePort};
}

SocketAddress node_port(Backend backend, Family family) {
  return {node_address(family), static_cast<uint16_t>(kFirstNodePort + number(backend))};
}

SocketAddress external_ip(Backend backend, Family family) {
  return {ip(by_family(family, "198.51.100.", "2001:db8:e::") + fmt::to_string(number(backend))),
          kServicePort};
}

SocketAddress load_balancer_ip(Backend backend, Family family) {
  return {
      ip(by_family(family, "198.51.100.10", "2001:db8:e::10") + fmt::to_string(number(backend))),
      kServicePort};
}

ProxyConfig proxy_config() {
  ProxyConfig proxy;
  proxy.cluster_cidrs = {"10.180.0.0/16", "fd00:180::/32"};
  return proxy;
}

IpAddress node_address(Family family) {
  return ip(by_family(family, "192.168.0.2", "2001:db8::2"));
}

IpAddress pod1_address(Family family) {
  return ip(by_family(family, "10.180.0.9", "fd00:180::9"));
}

void AttachedNode::SetUp() {
  auto network = Network::create();
  if (!network) GTEST_SKIP() << network.error().message;
  network_.emplace(std::move(*network));
  auto datapath = take_datapath(kSizes, with_xdp_);
  if (!datapath && !programs_should_load()) GTEST_SKIP() << datapath.error().message;
  ASSERT_TRUE(datapath) << datapath.error().message;
  datapath_.emplace(std::move(*datapath));

  const auto world = network_->world();
  ASSERT_TRUE(world) << world.error().message;
  for (const Interface& interface : world->interfaces) interfaces_.push_back(interface.index);
  const auto programmed = datapath_->program(*world, make_cluster(), proxy_config());
  ASSERT_TRUE(programmed) << programmed.error().message;
  traces_before_ = traces();
  const auto attached = attach();
  ASSERT_TRUE(attached) << attached.error().message;

  const auto serve = [&](const PrivateNamespace& space, IpAddress (*address)(Family)) {
    servers_.push_back(std::make_unique<EchoServer>(
        space, std::vector{address(Family::kIpv4), address(Family::kIpv6)}));
  };
  serve(network_->pod1(), pod1_address);
  serve(network_->outside(), far_address);
  serve(network_->overlay(), overlay_address);
  serve(network_->node(), node_address);
}

void AttachedNode::TearDown() {
  if (datapath_ && detach()) return_datapath(*std::move(datapath_), kSizes, with_xdp_);
}

Client AttachedNode::client(Origin origin, Family family) const {
  switch (origin) {
    case Origin::kOutside:
      return {network_->outside(), ip(by_family(family, "203.0.113.10", "2001:db8:c::10"))};
    case Origin::kOverlay:
      return {network_->overlay(), overlay_address(family)};
    case Origin::kPod1:
      return {network_->pod1(), pod1_address(family)};
    case Origin::kPod2:
      return {network_->pod2(), ip(by_family(family, "10.180.0.10", "fd00:180::a"))};
    case Origin::kNode:
      break;
  }
  return {network_->node(), node_address(family)};
}

Result<void> AttachedNode::program(const ProxyConfig& proxy) {
  const auto world = network_->world();
  if (!world) return tl::unexpected(world.error());
  return datapath_->program(*world, make_cluster(), proxy);
}

Result<void> AttachedNode::program_without_endpoints() {
  const auto world = network_->world();
  if (!world) return tl::unexpected(world.error());
  Cluster cluster = make_cluster();
  cluster.endpoint_slices.clear();
  return datapath_->program(*world, cluster, proxy_config());
}

Result<void> AttachedNode::attach() {
  return network_->node().run([&]() -> Result<void> {
    for (const uint32_t interface : interfaces_) {
      if (auto done = datapath_->attach(interface); !done) return done;
    }
    return {};
  });
}

Result<void> AttachedNode::detach() {
  for (const uint32_t interface : interfaces_) {
    if (auto done = datapath_->detach(interface); !done) return done;
  }
  return {};
}

std::string AttachedNode::traces() const {
  std::string found = run_inside(network_->node(), {"tc", "qdisc", "show"}).value() +
                      run_inside(network_->node(), {"ip", "link", "show", "dev", "eth0"}).value();
  for (const char* name :
       {"ipv4/conf/lo/accept_local", "ipv4/conf/lo/route_localnet", "ipv4/conf/lo/forwarding",
        "ipv6/conf/lo/forwarding", "ipv4/conf/all/route_localnet"}) {
    found += network_->node().run([&] { return read_sysctl(name); }).value();
  }
  return found;
}

}  // namespace kubeproof::attached
