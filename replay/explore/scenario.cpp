#include "replay/explore/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <map>
#include <string_view>

namespace kubeproof::explore {
namespace {

std::string_view name(TrafficPolicy policy) {
  return policy == TrafficPolicy::kLocal ? "Local" : "Cluster";
}

std::string_view name(ServiceType type) {
  constexpr std::array<std::string_view, 4> kNames = {"ClusterIP", "NodePort", "LoadBalancer",
                                                      "ExternalName"};
  return kNames[static_cast<size_t>(type)];
}

std::string_view name(uint8_t protocol) {
  switch (protocol) {
    case kTcp:
      return "TCP";
    case kUdp:
      return "UDP";
    case kSctp:
      return "SCTP";
    case kIcmp:
    case kIcmpv6:
      return "echo";
    default:
      return "other";
  }
}

std::string_view name(Actor actor) {
  return actor == Actor::kClient ? "client" : "server";
}

std::string flags_text(uint8_t flags) {
  constexpr std::string_view kLetters = "FSRPAUEC";
  std::string text;
  for (size_t bit = 0; bit < kLetters.size(); ++bit) {
    if ((flags >> bit & 1) != 0) text += kLetters[bit];
  }
  return "[" + text + "]";
}

std::string chunk_text(uint8_t type) {
  constexpr std::array<std::string_view, 15> kNames = {
      "DATA",          "INIT",       "INIT ACK", "SACK",         "HEARTBEAT",
      "HEARTBEAT ACK", "ABORT",      "SHUTDOWN", "SHUTDOWN ACK", "ERROR",
      "COOKIE ECHO",   "COOKIE ACK", "ECNE",     "CWR",          "SHUTDOWN COMPLETE"};
  if (type >= kNames.size()) return fmt::format("[chunk {}]", type);
  return fmt::format("[{}]", kNames[type]);
}

std::string text_of(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [name, value] : labels) text += fmt::format(" {}={}", name, value);
  return text;
}

std::string text_of(const Service& service) {
  std::string text =
      fmt::format("{} {} {} external policy {} internal policy {}", service.key.to_string(),
                  name(service.type), fmt::join(service.cluster_ips, ","),
                  name(service.external_traffic_policy), name(service.internal_traffic_policy));
  for (const ServicePort& port : service.ports) {
    text += fmt::format(" {}/{}", port.port, name(port.protocol));
    if (port.node_port != 0) text += fmt::format(" (node port {})", port.node_port);
  }
  if (!service.external_ips.empty()) {
    text += fmt::format(" external IPs {}", fmt::join(service.external_ips, ","));
  }
  for (const LoadBalancerIngress& ingress : service.load_balancer_ingress) {
    text += fmt::format(" load balancer {}{}", ingress.ip, ingress.proxy_mode ? " (proxy)" : "");
  }
  if (!service.load_balancer_source_ranges.empty()) {
    text += fmt::format(" source ranges {}", fmt::join(service.load_balancer_source_ranges, ","));
  }
  if (service.client_ip_affinity) {
    text += fmt::format(" affinity {} s", service.affinity_timeout_seconds);
  }
  text += text_of(service.labels);
  return text;
}

std::string text_of(const EndpointSlice& slice) {
  std::string text = slice.key.to_string() + text_of(slice.labels);
  for (const SlicePort& port : slice.ports) {
    text += fmt::format(" {} {}/{}", port.name.value_or(""), port.port.value_or(0),
                        name(port.protocol));
  }
  text += ":";
  for (const SliceEndpoint& endpoint : slice.endpoints) {
    text += fmt::format(" {} on {}{}{}{}", fmt::join(endpoint.addresses, ","),
                        endpoint.node_name.value_or("no node"), endpoint.ready ? "" : " not ready",
                        endpoint.serving ? "" : " not serving",
                        endpoint.terminating ? " terminating" : "");
    if (!endpoint.zone_hints.empty()) {
      text += fmt::format(" for {}", fmt::join(endpoint.zone_hints, ","));
    }
    if (!endpoint.node_hints.empty()) {
      text += fmt::format(" for {}", fmt::join(endpoint.node_hints, ","));
    }
  }
  return text;
}

std::string text_of(const ConntrackTimeouts& timeouts) {
  std::string text;
  const ConntrackTimeouts usual;
  using Timeout = std::optional<std::chrono::seconds>;
  const auto add = [&](const char* name, const Timeout& value, const Timeout& before) {
    if (value == before) return;
    text += fmt::format(", {} {}", name, value ? fmt::format("{} s", value->count()) : "unset");
  };
  add("tcpEstablishedTimeout", timeouts.tcp_established, usual.tcp_established);
  add("tcpCloseWaitTimeout", timeouts.tcp_close_wait, usual.tcp_close_wait);
  add("udpTimeout", timeouts.udp, usual.udp);
  add("udpStreamTimeout", timeouts.udp_stream, usual.udp_stream);
  return text;
}

std::string text_of(const ProxyConfig& proxy) {
  std::string text =
      fmt::format("release 1.{}, mark bit {}", proxy.release_minor, proxy.masquerade_bit);
  switch (proxy.detect_local_mode) {
    case DetectLocalMode::kClusterCidr:
      text += fmt::format(", ClusterCIDR {}", fmt::join(proxy.cluster_cidrs, ","));
      break;
    case DetectLocalMode::kNodeCidr:
      text += ", NodeCIDR";
      break;
    case DetectLocalMode::kBridgeInterface:
      text += ", BridgeInterface " + proxy.bridge_interface;
      break;
    case DetectLocalMode::kInterfaceNamePrefix:
      text += ", InterfaceNamePrefix " + proxy.interface_name_prefix;
      break;
  }
  if (!proxy.node_port_addresses.empty()) {
    text += fmt::format(", node port addresses {}", fmt::join(proxy.node_port_addresses, ","));
  }
  if (proxy.masquerade_all) text += ", masquerade all";
  if (!proxy.localhost_node_ports) text += ", no localhost node ports";
  if (!proxy.allow_service_external_ips) text += ", no external IPs";
  if (proxy.tcp_be_liberal) text += ", liberal";
  text += text_of(proxy.timeouts);
  return text;
}

// Nothing where all is as by default.
std::string text_of(const NodeSpec& node) {
  std::string text;
  for (const Interface& interface : node.interfaces.value_or(std::vector<Interface>())) {
    text += fmt::format("interface {} {} mtu {}", interface.index, interface.name, interface.mtu);
    for (const InterfaceAddress& each : interface.addresses) {
      text += fmt::format(" {}/{}", each.address.to_string(), each.prefix_length);
    }
    text += "\n";
  }
  for (const NamedRoute& named : node.routes.value_or(std::vector<NamedRoute>())) {
    const Route& route = named.route;
    text += fmt::format("route {}", route.destination.to_string());
    if (route.type != RouteType::kUnicast) {
      text += fmt::format(" of type {}", static_cast<int>(route.type));
    }
    if (route.gateway) text += fmt::format(" via {}", route.gateway->to_string());
    if (!named.device.empty()) text += " dev " + named.device;
    if (route.preferred_source) text += fmt::format(" src {}", route.preferred_source->to_string());
    if (route.metric != 0) text += fmt::format(" metric {}", route.metric);
    text += "\n";
  }
  const auto setting = [&](const char* name, std::optional<bool> value) {
    if (value) text += fmt::format("{} {}\n", name, *value ? "on" : "off");
  };
  setting("forwarding", node.sysctls.ip_forward);
  setting("route_localnet", node.sysctls.route_localnet);
  setting("accept_local", node.sysctls.accept_local);
  setting("tcp_loose", node.sysctls.tcp_loose);
  return text;
}

std::string text_of(const FlowPlan& flow, const World& world) {
  std::string text = fmt::format("{} {} > {} from {}", name(flow.protocol), flow.from.to_string(),
                                 flow.to.to_string(), world.describe(flow.ingress));
  if (flow.query != 0) text += fmt::format(" type {}", flow.query);
  if (flow.mark != 0) text += fmt::format(" mark {:#x}", flow.mark);
  return text;
}

std::string text_of(const Damage& damage) {
  constexpr std::array<std::string_view, 3> kRepairs = {"", ", IP checksum right",
                                                        ", checksums right"};
  if (damage.changes.empty()) return {};
  return fmt::format(" damaged {}{}", fmt::join(damage.changes, " "),
                     kRepairs[static_cast<size_t>(damage.repair)]);
}

std::string text_of(const PacketShape& shape) {
  std::string text = fmt::format("{} bytes", shape.payload);
  if (shape.ttl != 64) text += fmt::format(" ttl {}", shape.ttl);
  if (shape.tos != 0) text += fmt::format(" tos {:#x}", shape.tos);
  if (!shape.dont_fragment) text += " may be fragmented";
  if (shape.identification != 1) text += fmt::format(" id {}", shape.identification);
  if (shape.fragment_size != 0) {
    text += fmt::format(" in fragments of {}{}", shape.fragment_size,
                        shape.fragments_reversed ? ", last first" : "");
    if (shape.first_share != 0) text += fmt::format(", the first of {}", shape.first_share);
  }
  constexpr std::array<std::string_view, 3> kFaults = {"", ", one missing", ", one twice"};
  text += kFaults[static_cast<size_t>(shape.fragment_fault)];
  constexpr std::array<std::string_view, 4> kDefects = {"", " wrong transport checksum",
                                                        " wrong header checksum", " no checksum"};
  text += kDefects[static_cast<size_t>(shape.defect)];
  constexpr std::array<std::string_view, 5> kOptions = {"", " padding options", " router alert",
                                                        " an unknown option", " a broken option"};
  text += kOptions[static_cast<size_t>(shape.options)];
  for (const Bytes& option : shape.drawn_options) {
    text += fmt::format(" option {:02x}", fmt::join(option, ""));
  }
  if (shape.cut_to != 0) {
    text += fmt::format(" cut after {} transport bytes{}", shape.cut_to,
                        shape.cut_silently ? ", length as if whole" : "");
  }
  return text + text_of(shape.damage);
}

struct StepText {
  const Scenario& scenario;

  std::string operator()(const PacketStep& step) const {
    std::string text = fmt::format("flow {} {}", step.flow, name(step.actor));
    if (step.repeated) text += " again";
    const uint8_t protocol = scenario.flows[step.flow].protocol;
    if (protocol == kTcp) text += " " + flags_text(step.tcp_flags);
    if (protocol == kSctp) text += " " + chunk_text(step.sctp_chunk);
    if (step.sequence_offset != 0) {
      text += fmt::format(" {} {:+}", protocol == kSctp ? "tag" : "seq", step.sequence_offset);
    }
    return text + " " + text_of(step.shape);
  }
  std::string operator()(const ErrorStep& step) const {
    return fmt::format("flow {} ICMP error {}/{} about the {}'s packet, {} bytes quoted{}{}",
                       step.flow, step.type, step.code, name(step.about), step.quoted,
                       step.from_router ? ", from a router" : "", text_of(step.damage)) +
           (step.first_share != 0 ? fmt::format(", the first fragment of {}", step.first_share)
                                  : "");
  }
  std::string operator()(const AdvanceStep& step) const {
    return fmt::format("{} s pass", step.duration.count());
  }
  std::string operator()(const ChangeStep& step) const {
    return fmt::format("cluster state {}", step.cluster);
  }
};

}  // namespace

std::string describe(const Step& step, const Scenario& scenario) {
  return std::visit(StepText{scenario}, step);
}

std::string Scenario::describe() const {
  std::string text = text_of(proxy) + "\n" + text_of(node);
  for (size_t i = 0; i < clusters.size(); ++i) {
    text += fmt::format("cluster state {}\n", i);
    for (const auto& [key, service] : clusters[i].services) {
      text += "  " + text_of(service) + "\n";
    }
    for (const auto& [key, slice] : clusters[i].endpoint_slices) {
      text += "  " + text_of(slice) + "\n";
    }
  }
  for (size_t i = 0; i < flows.size(); ++i) {
    text += fmt::format("flow {} {}\n", i, text_of(flows[i], world));
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    text += fmt::format("step {} {}\n", i, explore::describe(steps[i], *this));
  }
  return text;
}

}  // namespace kubeproof::explore
