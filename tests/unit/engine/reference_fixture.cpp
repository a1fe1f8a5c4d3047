#include "tests/unit/engine/reference_fixture.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/translate.h"

namespace kubeproof {
namespace {

constexpr const char* kSliceOf = "kubernetes.io/service-name";

}  // namespace

ReferenceFixture::ReferenceFixture() {
  configuration_.world = small_world();
  configuration_.proxy.cluster_cidrs = {"10.180.0.0/16", "fd00::/16"};
  Node node;
  node.key.name = "node-a";
  node.addresses = {{"InternalIP", "192.168.0.2"}, {"InternalIP", "2001:db8::2"}};
  configuration_.cluster.nodes[node.key] = node;
}

Service& ReferenceFixture::add_service(const std::string& name, std::string_view frontend,
                                       Protocol protocol) {
  const SocketAddress at = SocketAddress::parse(frontend).value();
  Service service;
  service.key = {"default", name};
  service.cluster_ip = at.address.to_string();
  service.cluster_ips = {service.cluster_ip};
  service.ip_families = {at.address.family()};
  service.ports = {{.name = "", .protocol = protocol, .port = at.port}};
  return configuration_.cluster.services[service.key] = service;
}

SliceEndpoint& ReferenceFixture::add_endpoint(const std::string& service,
                                              std::string_view address) {
  const SocketAddress at = SocketAddress::parse(address).value();
  const Service& owner = configuration_.cluster.services.at({"default", service});
  EndpointSlice slice;
  slice.key = {"default", fmt::format("{}-{}", service, address)};
  slice.labels[kSliceOf] = service;
  slice.address_type = at.address.is_v4() ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6;
  slice.ports = {{.name = "", .protocol = owner.ports[0].protocol, .port = at.port}};
  SliceEndpoint endpoint;
  endpoint.addresses = {at.address.to_string()};
  const bool here = Cidr::parse("10.180.0.0/24")->contains(at.address) ||
                    Cidr::parse("fd00::/112")->contains(at.address) ||
                    configuration_.world.is_local(at.address);
  endpoint.node_name = here ? "node-a" : "node-b";
  slice.endpoints = {endpoint};
  return (configuration_.cluster.endpoint_slices[slice.key] = slice).endpoints[0];
}

void ReferenceFixture::remove_endpoints(const std::string& service) {
  std::erase_if(configuration_.cluster.endpoint_slices,
                [&](const auto& entry) { return entry.second.labels.at(kSliceOf) == service; });
}

void ReferenceFixture::program() {
  const auto done = reference_.program(configuration_);
  ASSERT_TRUE(done.has_value()) << done.error().message;
}

std::span<const Outcome> ReferenceFixture::evaluate(uint32_t ingress, const Bytes& packet) {
  outcomes_ = reference_.evaluate({.ingress = {ingress}, .packet = packet});
  return outcomes_;
}

const Outcome& ReferenceFixture::only_outcome(uint32_t ingress, const Bytes& packet) {
  evaluate(ingress, packet);
  EXPECT_EQ(outcomes_.size(), 1U) << describe_packet(packet);
  return outcomes_[0];
}

Bytes ReferenceFixture::take(size_t outcome, uint16_t port) {
  OutcomeMatch match{outcome, {}};
  Bytes packet;
  for (const PermittedEmission& emission : outcomes_[outcome].emissions) {
    packet = emission.packet;
    match.ports.emplace_back();
    if (!emission.free_port) continue;
    if (port == 0) port = emission.free_port->first;
    match.ports.back() = port;
    auto view = parse_packet(packet).value();
    rewrite_source(packet, view, {view.source, port});
  }
  const auto refused = reference_.commit({&match, 1});
  EXPECT_FALSE(refused.has_value()) << *refused;
  return packet;
}

Bytes ReferenceFixture::pass(uint32_t ingress, const Bytes& packet, uint16_t port) {
  only_outcome(ingress, packet);
  return take(0, port);
}

Bytes ReferenceFixture::pass_to(std::string_view endpoint, uint32_t ingress, const Bytes& packet,
                                uint16_t port) {
  evaluate(ingress, packet);
  const auto found = std::find_if(outcomes_.begin(), outcomes_.end(), [&](const Outcome& each) {
    return each.endpoint && each.endpoint->to_string() == endpoint;
  });
  EXPECT_NE(found, outcomes_.end()) << "no outcome has the endpoint " << endpoint;
  if (found == outcomes_.end()) return {};
  return take(static_cast<size_t>(found - outcomes_.begin()), port);
}

std::set<std::string> ReferenceFixture::endpoints() const {
  std::set<std::string> found;
  for (const Outcome& outcome : outcomes_) {
    found.insert(outcome.endpoint ? outcome.endpoint->to_string() : "none");
  }
  return found;
}

std::string endpoints_of(ByteView packet) {
  const auto view = parse_packet(packet);
  if (!view) return "not a packet";
  if (!view->has_ports) {
    return fmt::format("{} > {}", view->source.to_string(), view->destination.to_string());
  }
  return fmt::format("{} > {}", view->source_endpoint().to_string(),
                     view->destination_endpoint().to_string());
}

}  // namespace kubeproof
