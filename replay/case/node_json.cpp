#include "replay/case/node_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace kubeproof {
namespace {

using Json = nlohmann::ordered_json;

Json address_json(const InterfaceAddress& address) {
  Json json = {{"family", address.address.is_v4() ? "inet" : "inet6"},
               {"local", address.address.to_string()},
               {"prefixlen", address.prefix_length},
               {"scope", to_string(address.scope)}};
  if (address.peer) json["address"] = address.peer->to_string();
  if (address.broadcast) json["broadcast"] = address.broadcast->to_string();
  if (address.secondary) json["secondary"] = true;
  if (address.deprecated) json["deprecated"] = true;
  return json;
}

// As `ip -j addr` prints it.
Json interface_json(const Interface& interface) {
  const bool loopback = interface.kind == InterfaceKind::kLoopback;
  Json json = {{"ifindex", interface.index}, {"ifname", interface.name}, {"mtu", interface.mtu}};
  if (loopback || interface.mac) json["link_type"] = loopback ? "loopback" : "ether";
  if (interface.mac) json["address"] = fmt::format("{:02x}", fmt::join(*interface.mac, ":"));
  if (!interface.master.empty()) json["master"] = interface.master;
  json["addr_info"] = Json::array();
  for (const InterfaceAddress& each : interface.addresses) {
    json["addr_info"].push_back(address_json(each));
  }
  return json;
}

// As `ip -j route` prints it, but for the default route, whose family that does not tell.
Json route_json(const NamedRoute& named) {
  const Route& route = named.route;
  Json json;
  if (route.type != RouteType::kUnicast) json["type"] = to_string(route.type);
  json["dst"] = route.destination.to_string();
  if (route.gateway) json["gateway"] = route.gateway->to_string();
  if (!named.device.empty()) json["dev"] = named.device;
  if (route.preferred_source) json["prefsrc"] = route.preferred_source->to_string();
  if (route.metric != 0) json["metric"] = route.metric;
  return json;
}

Json sysctls_json(const SysctlSettings& settings) {
  Json json = Json::object();
  const auto put = [&](const char* name, std::optional<bool> value) {
    if (value) json[name] = *value ? 1 : 0;
  };
  put("net.ipv4.ip_forward", settings.ip_forward);
  put("net.ipv4.conf.all.route_localnet", settings.route_localnet);
  put("net.ipv4.conf.all.accept_local", settings.accept_local);
  put("net.netfilter.nf_conntrack_tcp_be_liberal", settings.tcp_be_liberal);
  put("net.netfilter.nf_conntrack_tcp_loose", settings.tcp_loose);
  return json;
}

std::string_view mode_name(DetectLocalMode mode) {
  switch (mode) {
    case DetectLocalMode::kClusterCidr:
      return "ClusterCIDR";
    case DetectLocalMode::kNodeCidr:
      return "NodeCIDR";
    case DetectLocalMode::kBridgeInterface:
      return "BridgeInterface";
    case DetectLocalMode::kInterfaceNamePrefix:
      return "InterfaceNamePrefix";
  }
  return "ClusterCIDR";
}

Json conntrack_json(const ProxyConfig& proxy, const ProxyConfig& defaults) {
  Json json = Json::object();
  if (proxy.tcp_be_liberal != defaults.tcp_be_liberal) json["tcpBeLiberal"] = proxy.tcp_be_liberal;
  using Timeout = std::optional<std::chrono::seconds>;
  const auto put = [&](const char* name, const Timeout& value, const Timeout& usual) {
    // Zero leaves the kernel's own.
    if (value != usual) json[name] = fmt::format("{}s", value ? value->count() : 0);
  };
  put("tcpEstablishedTimeout", proxy.timeouts.tcp_established, defaults.timeouts.tcp_established);
  put("tcpCloseWaitTimeout", proxy.timeouts.tcp_close_wait, defaults.timeouts.tcp_close_wait);
  put("udpTimeout", proxy.timeouts.udp, defaults.timeouts.udp);
  put("udpStreamTimeout", proxy.timeouts.udp_stream, defaults.timeouts.udp_stream);
  return json;
}

}  // namespace

Json node_json(const NodeSpec& node) {
  Json json = {{"name", node.name}};
  json["addresses"] = Json::array();
  for (const InterfaceAddress& each : node.addresses) {
    json["addresses"].push_back(fmt::format("{}/{}", each.address.to_string(), each.prefix_length));
  }
  json["podCIDRs"] = Json::array();
  for (const Cidr& cidr : node.pod_cidrs) json["podCIDRs"].push_back(cidr.to_string());
  if (node.interfaces) {
    json["interfaces"] = Json::array();
    for (const Interface& each : *node.interfaces) {
      json["interfaces"].push_back(interface_json(each));
    }
  }
  if (node.routes) {
    json["routes"] = Json::array();
    for (const NamedRoute& each : *node.routes) json["routes"].push_back(route_json(each));
  }
  const Json sysctls = sysctls_json(node.sysctls);
  if (!sysctls.empty()) json["sysctls"] = sysctls;
  return json;
}

Json proxy_json(const ProxyConfig& proxy) {
  const ProxyConfig defaults;
  Json json = Json::object();
  const auto put = [](Json& object, const char* name, const auto& value, const auto& usual) {
    if (value != usual) object[name] = value;
  };
  if (!proxy.cluster_cidrs.empty()) {
    json["clusterCIDR"] = fmt::format("{}", fmt::join(proxy.cluster_cidrs, ","));
  }
  if (proxy.detect_local_mode != defaults.detect_local_mode) {
    json["detectLocalMode"] = mode_name(proxy.detect_local_mode);
  }
  Json detect = Json::object();
  put(detect, "bridgeInterface", proxy.bridge_interface, defaults.bridge_interface);
  put(detect, "interfaceNamePrefix", proxy.interface_name_prefix, defaults.interface_name_prefix);
  if (!detect.empty()) json["detectLocal"] = detect;
  put(json, "nodePortAddresses", proxy.node_port_addresses, defaults.node_port_addresses);
  put(json, "bindAddress", proxy.bind_address, defaults.bind_address);
  put(json, "hostnameOverride", proxy.hostname_override, defaults.hostname_override);
  Json iptables = Json::object();
  put(iptables, "masqueradeBit", proxy.masquerade_bit, defaults.masquerade_bit);
  put(iptables, "masqueradeAll", proxy.masquerade_all, defaults.masquerade_all);
  put(iptables, "localhostNodePorts", proxy.localhost_node_ports, defaults.localhost_node_ports);
  if (!iptables.empty()) json["iptables"] = iptables;
  const Json conntrack = conntrack_json(proxy, defaults);
  if (!conntrack.empty()) json["conntrack"] = conntrack;
  if (proxy.allow_service_external_ips != defaults.allow_service_external_ips) {
    json["featureGates"] = {{"AllowServiceExternalIPs", proxy.allow_service_external_ips}};
  }
  if (proxy.release_minor != defaults.release_minor) {
    json["proxyVersion"] = fmt::format("v1.{}", proxy.release_minor);
  }
  return json;
}

}  // namespace kubeproof
