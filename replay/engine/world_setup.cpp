#include "replay/engine/world_setup.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

#include "replay/engine/child_process.h"
#include "replay/engine/sysctl.h"

namespace kubeproof {
namespace {

struct Setting {
  std::string_view name;
  std::string_view value;
  SysctlNeed need = SysctlNeed::kRequired;
};

// Written before the devices are made, which inherit `default`. ip_forward goes first elsewhere:
// the kernel resets others when it changes.
constexpr std::array kIpv4Settings = {
    Setting{"ipv4/conf/all/rp_filter", "0"},
    Setting{"ipv4/conf/default/rp_filter", "0"},
    Setting{"ipv4/conf/lo/rp_filter", "0"},
    Setting{"ipv4/conf/all/send_redirects", "0"},
    Setting{"ipv4/conf/default/send_redirects", "0"},
    Setting{"ipv4/conf/lo/send_redirects", "0"},
    Setting{"ipv4/conf/all/accept_redirects", "0"},
    Setting{"ipv4/conf/default/accept_redirects", "0"},
    // No type of ICMP message is under a rate limit, neither the one per destination nor the
    // host's global one (net/ipv4/icmp.c, icmpv4_mask_allow).
    Setting{"ipv4/icmp_ratemask", "0"},
    Setting{"ipv4/icmp_ratelimit", "0"},
};

// The namespace sends nothing of its own accord, and does not choose flow labels.
constexpr std::array kIpv6Settings = {
    Setting{"ipv6/conf/all/accept_ra", "0"},
    Setting{"ipv6/conf/default/accept_ra", "0"},
    Setting{"ipv6/conf/all/accept_redirects", "0"},
    Setting{"ipv6/conf/default/accept_redirects", "0"},
    Setting{"ipv6/conf/all/accept_dad", "0"},
    Setting{"ipv6/conf/default/accept_dad", "0"},
    Setting{"ipv6/conf/default/dad_transmits", "0"},
    Setting{"ipv6/conf/default/router_solicitations", "0"},
    Setting{"ipv6/conf/default/autoconf", "0"},
    Setting{"ipv6/conf/default/addr_gen_mode", "1"},  // no link-local address
    Setting{"ipv6/auto_flowlabels", "0"},
    Setting{"ipv6/icmp/ratelimit", "0"},
    Setting{"ipv6/icmp/ratemask", "", SysctlNeed::kWhereKnown},
};

template <size_t kCount>
Result<void> apply(const std::array<Setting, kCount>& settings) {
  for (const Setting& setting : settings) {
    auto written = write_sysctl(setting.name, setting.value, setting.need);
    if (!written) return written;
  }
  return {};
}

bool needs_ipv6(const World& world) {
  const auto is_v6 = [](const InterfaceAddress& address) { return !address.address.is_v4(); };
  const auto has_v6 = [&](const Interface& interface) {
    return interface.kind != InterfaceKind::kLoopback &&
           std::any_of(interface.addresses.begin(), interface.addresses.end(), is_v6);
  };
  return std::any_of(world.interfaces.begin(), world.interfaces.end(), has_v6) ||
         std::any_of(world.routes.begin(), world.routes.end(),
                     [](const Route& r) { return r.destination.family() == Family::kIpv6; });
}

Result<void> apply_settings(const World& world) {
  const std::string_view forward = world.sysctls.ip_forward ? "1" : "0";
  auto done = write_sysctl("ipv4/ip_forward", forward);
  if (done) done = apply(kIpv4Settings);
  if (done) {
    done = write_sysctl("ipv4/conf/all/accept_local", world.sysctls.accept_local ? "1" : "0");
  }
  if (done) {
    done = write_sysctl("ipv4/conf/all/route_localnet", world.sysctls.route_localnet ? "1" : "0");
  }
  // A kernel without IPv6 does for a world without.
  if (!done || (!needs_ipv6(world) && !read_sysctl("ipv6/conf/all/forwarding"))) return done;
  done = write_sysctl("ipv6/conf/all/forwarding", forward);
  if (done) done = apply(kIpv6Settings);
  return done;
}

// Loopback gets 127.0.0.1 and ::1 from the kernel when it comes up; `replace` accepts that.
void add_address(std::string& batch, const Interface& interface, const InterfaceAddress& address) {
  batch += fmt::format("address replace {}", address.address.to_string());
  // To IPv6 the peer is no more than a route, which is among the world's.
  if (address.peer && address.address.is_v4()) {
    batch += fmt::format(" peer {}", address.peer->to_string());
  }
  batch += fmt::format("/{} dev {} scope {}", address.prefix_length, interface.name,
                       to_string(address.scope));
  // The route of an IPv4 subnet on loopback belongs to table local.
  const bool loopback = interface.kind == InterfaceKind::kLoopback;
  if (!loopback || !address.address.is_v4()) batch += " noprefixroute";
  if (address.broadcast) batch += fmt::format(" broadcast {}", address.broadcast->to_string());
  if (!address.address.is_v4()) batch += " nodad";
  if (address.deprecated) batch += " preferred_lft 0";
  batch += '\n';
}

// `append`: links may share a prefix, as fe80::/64, which `add` refuses. `onlink`: a world may name
// a gateway that none of its other routes reaches.
Result<void> add_route(std::string& batch, const World& world, const Route& route) {
  batch += fmt::format("route append {} {} table main", to_string(route.type),
                       route.destination.to_string());
  if (route.gateway) batch += fmt::format(" via {}", route.gateway->to_string());
  if (route.interface != 0) {
    const Interface* interface = world.find_interface(route.interface);
    if (interface == nullptr) {
      return bad_input("route to {}: no interface has index {}", route.destination.to_string(),
                       route.interface);
    }
    batch += fmt::format(" dev {}", interface->name);
    if (route.gateway) batch += " onlink";
  }
  if (route.metric != 0) batch += fmt::format(" metric {}", route.metric);
  if (route.preferred_source) batch += fmt::format(" src {}", route.preferred_source->to_string());
  batch += '\n';
  return {};
}

Result<std::string> link_and_route_commands(const World& world) {
  std::string batch;
  for (const Interface& interface : world.interfaces) {
    batch += fmt::format("link set dev {} mtu {} up\n", interface.name, interface.mtu);
  }
  for (const Interface& interface : world.interfaces) {
    // The kernel lists IPv4 addresses as they come, and the latest IPv6 address first.
    const auto& addresses = interface.addresses;
    for (auto it = addresses.begin(); it != addresses.end(); ++it) {
      if (it->address.is_v4()) add_address(batch, interface, *it);
    }
    for (auto it = addresses.rbegin(); it != addresses.rend(); ++it) {
      if (!it->address.is_v4()) add_address(batch, interface, *it);
    }
  }
  for (const Route& route : world.routes) {
    auto added = add_route(batch, world, route);
    if (!added) return tl::unexpected(added.error());
  }
  return batch;
}

// The IPv6 addresses that table local knows by now.
Result<std::set<IpAddress>> local_ipv6_addresses() {
  auto routes = run_child_checked({"ip", "-6", "route", "show", "table", "local"}, "");
  if (!routes) return tl::unexpected(routes.error());
  std::set<IpAddress> found;
  std::istringstream lines(*routes);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string type;
    std::string destination;
    words >> type >> destination;
    const auto address = IpAddress::parse(destination);
    if (type == "local" && address) found.insert(*address);
  }
  return found;
}

// The kernel finishes adding an IPv6 address on a queue of its own (addrconf_dad_work()), even
// without duplicate address detection; until then packets for it are forwarded.
Result<void> wait_for_ipv6_addresses(const World& world) {
  constexpr int kAttempts = 1000;
  std::set<IpAddress> wanted;
  for (const Interface& interface : world.interfaces) {
    for (const InterfaceAddress& address : interface.addresses) {
      if (!address.address.is_v4()) wanted.insert(address.address);
    }
  }
  if (wanted.empty()) return {};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto found = local_ipv6_addresses();
    if (!found) return tl::unexpected(found.error());
    if (std::includes(found->begin(), found->end(), wanted.begin(), wanted.end())) return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return environment_error("the kernel did not finish adding the node's IPv6 addresses");
}

}  // namespace

Result<std::vector<TunDevice>> set_up_world(const World& world) {
  auto settings = apply_settings(world);
  if (!settings) return tl::unexpected(settings.error());
  std::vector<TunDevice> devices;
  for (const Interface& interface : world.interfaces) {
    if (interface.kind == InterfaceKind::kLoopback) continue;
    auto device = TunDevice::open(interface.index, interface.name);
    if (!device) return tl::unexpected(device.error());
    devices.push_back(std::move(*device));
  }
  auto commands = link_and_route_commands(world);
  if (!commands) return tl::unexpected(commands.error());
  auto applied = run_child_checked({"ip", "-batch", "-"}, *commands);
  if (!applied) return tl::unexpected(applied.error());
  auto ready = wait_for_ipv6_addresses(world);
  if (!ready) return tl::unexpected(ready.error());
  return devices;
}

}  // namespace kubeproof
