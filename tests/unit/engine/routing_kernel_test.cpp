// Holds the model's routing to the kernel's: for generated worlds, `ip route get` names the same
// verdict, interface, gateway and source address.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>

#include "model/node/routing.h"
#include "replay/engine/child_process.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/world_setup.h"
#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

// Addresses, subnets and routes that overlap on purpose.
class WorldGenerator {
 public:
  explicit WorldGenerator(uint32_t seed) : random_(seed) {}

  World make() {
    World world;
    world.interfaces.push_back(make_interface(1, "lo", InterfaceKind::kLoopback));
    world.interfaces[0].addresses = {interface_address("127.0.0.1/8"),
                                     interface_address("::1/128")};
    world.interfaces[0].addresses[0].scope = AddressScope::kHost;
    world.interfaces[0].addresses[1].scope = AddressScope::kHost;
    world.interfaces.push_back(make_interface(2, "eth0", InterfaceKind::kUplink));
    for (uint32_t i = 3; i < 6; ++i) {
      world.interfaces.push_back(make_interface(i, fmt::format("if{}", i), InterfaceKind::kOther));
    }
    for (Interface& one : world.interfaces) {
      add_addresses(one);
      // As the kernel keeps them and `ip addr` prints them: the narrowest scope first.
      std::stable_sort(
          one.addresses.begin(), one.addresses.end(),
          [](const InterfaceAddress& a, const InterfaceAddress& b) { return a.scope > b.scope; });
    }
    for (int i = 0; i < 8; ++i) {
      add_route(world, pick(kPrefixes4));
      add_route(world, pick(kPrefixes6));
    }
    return world;
  }

  static std::vector<std::string> destinations() {
    return {"10.1.0.5",      "10.1.1.5",   "10.2.0.5",    "10.1.0.255",   "10.1.0.0",
            "127.0.0.2",     "172.16.0.9", "8.8.8.8",     "10.1.255.255", "10.1.0.1",
            "10.2.0.1",      "fd00:1::5",  "fd00:1:1::5", "fd00:2::5",    "2001:db8::5",
            "2001:db8:1::5", "2600::1",    "fd00:1::1",   "2001:db8::1",  "2002::1"};
  }

 private:
  static constexpr std::array kAddresses4 = {"10.1.0.1/24", "10.1.0.2/24",   "10.1.1.1/16",
                                             "10.2.0.1/24", "172.16.0.1/32", "10.2.0.2/31"};
  static constexpr std::array kAddresses6 = {"fd00:1::1/64",   "fd00:1::2/64",    "fd00:1:1::1/48",
                                             "2001:db8::1/64", "2001:db8::2/128", "2002::5/16"};
  static constexpr std::array kPrefixes4 = {"0.0.0.0/0",    "10.0.0.0/8",  "10.1.0.0/16",
                                            "10.1.0.0/24",  "10.1.0.5/32", "10.2.0.0/23",
                                            "172.16.0.0/12"};
  static constexpr std::array kPrefixes6 = {"::/0",          "fd00::/8",      "fd00:1::/64",
                                            "fd00:1::5/128", "fd00:1:1::/48", "2001:db8::/32",
                                            "2000::/3"};

  static Interface make_interface(uint32_t index, std::string name, InterfaceKind kind) {
    Interface interface;
    interface.index = index;
    interface.name = std::move(name);
    interface.kind = kind;
    return interface;
  }

  size_t below(size_t bound) {
    return std::uniform_int_distribution<size_t>(0, bound - 1)(random_);
  }
  template <class Choices>
  typename Choices::value_type pick(const Choices& choices) {
    return choices[below(choices.size())];
  }

  // Distinct subnets on one interface, so that the kernel makes none of them secondary.
  void add_addresses(Interface& interface) {
    if (interface.kind != InterfaceKind::kLoopback && below(3) == 0) return;
    for (const size_t count = below(3); interface.addresses.size() < count + 1;) {
      InterfaceAddress address =
          interface_address(below(2) == 0 ? pick(kAddresses4) : pick(kAddresses6));
      if (address.address.is_v4() && below(4) == 0) address.scope = AddressScope::kLink;
      if (address.address.is_v4() && below(4) == 0) {
        address.peer = interface_address(pick(kAddresses4)).address;
      }
      address.deprecated = !address.address.is_v4() && below(3) == 0;
      const Cidr subnet = address.subnet();
      // All of a subnet of loopback is local, and no gateway may be.
      if (interface.kind == InterfaceKind::kLoopback && subnet.contains(kGateway4)) return;
      for (const InterfaceAddress& other : interface.addresses) {
        if (other.subnet() == subnet) return;
      }
      interface.addresses.push_back(address);
    }
  }

  void add_route(World& world, std::string_view prefix) {
    constexpr std::array kTypes = {RouteType::kUnicast,  RouteType::kUnicast,
                                   RouteType::kUnicast,  RouteType::kUnreachable,
                                   RouteType::kProhibit, RouteType::kBlackhole};
    Route route;
    route.destination = *Cidr::parse(prefix);
    const bool ipv4 = route.destination.family() == Family::kIpv4;
    route.type = pick(kTypes);
    route.metric = 10 + static_cast<uint32_t>(world.routes.size());
    if (route.type == RouteType::kUnicast) {
      route.interface = static_cast<uint32_t>(2 + below(4));
      if (below(2) == 0) route.gateway = ipv4 ? kGateway4 : kGateway6;
    }
    world.routes.push_back(route);
  }

  const IpAddress kGateway4 = address("10.1.0.99");
  // In no subnet: the kernel wants the gateway of a route behind the same interface.
  const IpAddress kGateway6 = address("4000::99");
  std::mt19937 random_;
};

std::string describe(const World& world, const RoutingTable& routes, const IpAddress& to) {
  const RouteDecision route = routes.lookup(to);
  switch (route.verdict) {
    case RouteVerdict::kNoRoute:
    case RouteVerdict::kUnreachable:
    case RouteVerdict::kProhibit:
    case RouteVerdict::kBlackhole:
      return "refused";
    default:
      break;
  }
  std::string line;
  if (route.verdict == RouteVerdict::kLocal) line += "local ";
  if (route.verdict == RouteVerdict::kBroadcast) line += "broadcast ";
  line += (route.out != nullptr ? route.out : &world.loopback())->name;
  if (route.next_hop != to && route.verdict == RouteVerdict::kForward) {
    line += " via " + route.next_hop.to_string();
  }
  const auto source = routes.local_source(route, to);
  return line + " src " + (source ? source->to_string() : "none");
}

std::string ask_kernel(const std::string& to) {
  const auto output = run_child({"ip", "-j", "route", "get", to}, "").value();
  if (output.exit_status != 0) return "refused";
  const auto route = nlohmann::json::parse(output.standard_output).at(0);
  std::string type = route.value("type", "");
  if (type == "unreachable" || type == "prohibit" || type == "blackhole") return "refused";
  // Anycast is delivered, too.
  if (type == "anycast") type = "local";
  std::string line = type.empty() ? "" : type + " ";
  line += type == "local" ? "lo" : route.at("dev").get<std::string>();
  if (route.contains("gateway")) line += " via " + route.at("gateway").get<std::string>();
  return line + " src " + route.value("prefsrc", "none");
}

TEST(RoutingKernel, GeneratedWorldsRouteAsInTheKernel) {
  for (uint32_t seed = 1; seed <= 15; ++seed) {
    const World world = WorldGenerator(seed).make();
    auto name_space = PrivateNamespace::create();
    if (!name_space) GTEST_SKIP() << name_space.error().message;
    const auto compared = name_space->run([&]() -> Result<void> {
      auto devices = set_up_world(world);
      if (!devices) return tl::unexpected(devices.error());
      const RoutingTable routes(world);
      for (const std::string& to : WorldGenerator::destinations()) {
        EXPECT_EQ(describe(world, routes, address(to)), ask_kernel(to))
            << "seed " << seed << ", to " << to << "\n"
            << run_child({"ip", "route"}, "")->standard_output
            << run_child({"ip", "-6", "route"}, "")->standard_output
            << run_child({"ip", "-br", "addr"}, "")->standard_output;
      }
      return {};
    });
    ASSERT_TRUE(compared) << compared.error().message;
  }
}

}  // namespace
}  // namespace kubeproof
