// A node with an uplink and two pods, and short ways to say packets, fates and outcomes.
#pragma once

#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/packet/packet_builder.h"
#include "replay/compare/match.h"

namespace kubeproof {

constexpr Place kUplink{2};
constexpr Place kPod1{10};
constexpr Place kPod2{11};

inline World small_world() {
  World world;
  world.node_name = "node-a";
  const auto add = [&](uint32_t index, std::string name, InterfaceKind kind) {
    Interface interface;
    interface.index = index;
    interface.name = std::move(name);
    interface.kind = kind;
    world.interfaces.push_back(std::move(interface));
  };
  add(1, "lo", InterfaceKind::kLoopback);
  add(kUplink.interface, "eth0", InterfaceKind::kUplink);
  add(kPod1.interface, "pod1", InterfaceKind::kPod);
  add(kPod2.interface, "pod2", InterfaceKind::kPod);
  const auto address = [](std::string_view text) { return *IpAddress::parse(text); };
  InterfaceAddress own;
  own.address = address("192.168.0.2");
  own.prefix_length = 24;
  world.interfaces[1].addresses.push_back(own);
  const auto route = [&](std::string_view cidr, Place place) {
    Route added;
    added.destination = *Cidr::parse(cidr);
    added.interface = place.interface;
    world.routes.push_back(added);
  };
  route("0.0.0.0/0", kUplink);
  route("10.180.0.1/32", kPod1);
  route("10.180.0.2/32", kPod2);
  return world;
}

inline PermittedEmission permitted(Place place, Bytes packet) {
  PermittedEmission emission;
  emission.place = place;
  emission.packet = std::move(packet);
  return emission;
}

inline Outcome outcome_of(PermittedEmission emission) {
  Outcome outcome;
  outcome.emissions.push_back(std::move(emission));
  return outcome;
}

inline Fate fate_of(Place place, const Bytes& packet) {
  Fate fate;
  fate.add_emission(place, packet);
  return fate;
}

inline PermittedEmission with_free_port(PermittedEmission emission, uint16_t first, uint16_t last) {
  const auto view = parse_packet(emission.packet);
  emission.free_port = FreePort{view->transport_offset, first, last};
  return emission;
}

}  // namespace kubeproof
