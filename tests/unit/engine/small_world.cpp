#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

InterfaceAddress address(std::string_view text, uint8_t prefix_length, AddressScope scope) {
  InterfaceAddress result;
  result.address = IpAddress::parse(text).value();
  result.prefix_length = prefix_length;
  result.scope = scope;
  return result;
}

Interface interface(uint32_t index, std::string name, InterfaceKind kind,
                    std::vector<InterfaceAddress> addresses) {
  Interface result;
  result.index = index;
  result.name = std::move(name);
  result.kind = kind;
  result.mtu = kind == InterfaceKind::kLoopback ? 65536 : 1500;
  result.addresses = std::move(addresses);
  return result;
}

Route route(std::string_view destination, uint32_t interface, std::string_view gateway = {}) {
  Route result;
  result.destination = Cidr::parse(destination).value();
  result.interface = interface;
  if (!gateway.empty()) result.gateway = IpAddress::parse(gateway).value();
  return result;
}

}  // namespace

World small_world() {
  World world;
  world.node_name = "node-a";
  InterfaceAddress ipv4 = address("192.168.0.2", 24, AddressScope::kGlobal);
  ipv4.broadcast = IpAddress::parse("192.168.0.255").value();
  world.interfaces = {
      interface(
          kLoopback, "lo", InterfaceKind::kLoopback,
          {address("127.0.0.1", 8, AddressScope::kHost), address("::1", 128, AddressScope::kHost)}),
      interface(kUplink, "eth0", InterfaceKind::kUplink,
                {ipv4, address("2001:db8::2", 64, AddressScope::kGlobal)}),
      interface(kPod1, "pod1", InterfaceKind::kPod, {}),
      interface(kPod2, "pod2", InterfaceKind::kPod, {}),
  };
  world.routes = {
      route("192.168.0.0/24", kUplink), route("0.0.0.0/0", kUplink, "192.168.0.1"),
      route("10.180.0.9/32", kPod1),    route("10.180.0.10/32", kPod2),
      route("2001:db8::/64", kUplink),  route("::/0", kUplink, "2001:db8::1"),
      route("fd00::9/128", kPod1),      route("fd00::10/128", kPod2),
  };
  return world;
}

}  // namespace kubeproof
