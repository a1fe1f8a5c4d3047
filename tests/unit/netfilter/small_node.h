// A node for tests of rules and hooks: lo, eth0 (192.168.0.2/24, 2001:db8::2/64, default route),
// pod1 (10.180.0.9, fd00::9) and pod2 (10.180.0.10, fd00::10).
#pragma once

#include "model/node/world.h"

namespace kubeproof::netfilter {

constexpr uint32_t kLoopback = 1;
constexpr uint32_t kUplink = 2;
constexpr uint32_t kPod1 = 10;
constexpr uint32_t kPod2 = 11;

inline World small_node() {
  const auto ip = [](const char* text) { return IpAddress::parse(text).value(); };
  const auto address = [&](const char* text, uint8_t length, AddressScope scope) {
    InterfaceAddress made;
    made.address = ip(text);
    made.prefix_length = length;
    made.scope = scope;
    return made;
  };
  const auto route = [&](const char* to, uint32_t interface, const char* gateway = nullptr) {
    Route made;
    made.destination = Cidr::parse(to).value();
    made.interface = interface;
    if (gateway != nullptr) made.gateway = ip(gateway);
    return made;
  };
  const auto interface = [](uint32_t index, const char* name, InterfaceKind kind, uint32_t mtu) {
    Interface made;
    made.index = index;
    made.name = name;
    made.kind = kind;
    made.mtu = mtu;
    return made;
  };
  World world;
  world.node_name = "node-a";
  world.interfaces = {interface(kLoopback, "lo", InterfaceKind::kLoopback, 65536),
                      interface(kUplink, "eth0", InterfaceKind::kUplink, 1500),
                      interface(kPod1, "pod1", InterfaceKind::kPod, 1500),
                      interface(kPod2, "pod2", InterfaceKind::kPod, 1500)};
  world.interfaces[0].addresses = {address("127.0.0.1", 8, AddressScope::kHost),
                                   address("::1", 128, AddressScope::kHost)};
  world.interfaces[1].addresses = {address("192.168.0.2", 24, AddressScope::kGlobal),
                                   address("2001:db8::2", 64, AddressScope::kGlobal)};
  world.routes = {
      route("192.168.0.0/24", kUplink), route("0.0.0.0/0", kUplink, "192.168.0.1"),
      route("10.180.0.9/32", kPod1),    route("10.180.0.10/32", kPod2),
      route("2001:db8::/64", kUplink),  route("::/0", kUplink, "2001:db8::1"),
      route("fd00::9/128", kPod1),      route("fd00::10/128", kPod2),
  };
  return world;
}

}  // namespace kubeproof::netfilter
