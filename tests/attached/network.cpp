#include "tests/attached/network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "model/node/default_world.h"
#include "model/node/read_world_json.h"
#include "replay/engine/child_process.h"
#include "replay/engine/file_descriptor.h"
#include "replay/engine/sysctl.h"

namespace kubeproof::attached {
namespace {

constexpr std::string_view kNodeLinkAddress = "02:00:00:00:00:01";

// Duplicate address detection would make IPv6 wait.
Result<void> settle(bool forwards) {
  for (const char* name : {"ipv6/conf/all/accept_dad", "ipv6/conf/default/accept_dad",
                           "ipv6/conf/default/dad_transmits", "ipv4/conf/all/rp_filter",
                           "ipv4/conf/default/rp_filter"}) {
    if (auto written = write_sysctl(name, "0"); !written) return written;
  }
  const char* forward = forwards ? "1" : "0";
  if (auto written = write_sysctl("ipv4/ip_forward", forward); !written) return written;
  return write_sysctl("ipv6/conf/all/forwarding", forward);
}

Result<void> ip_batch(const PrivateNamespace& space, const std::string& commands) {
  return space.run([&]() -> Result<void> {
    auto output = run_child_checked({"ip", "-batch", "-"}, commands);
    if (!output) return tl::unexpected(output.error());
    return {};
  });
}

Result<void> join(const PrivateNamespace& node, const std::string& name,
                  const PrivateNamespace& other) {
  return ip_batch(node, fmt::format("link add {} address {} type veth peer name eth0 "
                                    "netns /proc/{}/fd/{}\n",
                                    name, kNodeLinkAddress, getpid(), other.fd()));
}

// A pod's way out is the node's end of its link, whatever address that has.
Result<void> set_up_pod(const PrivateNamespace& pod, const std::string& ipv4,
                        const std::string& ipv6) {
  return ip_batch(pod, fmt::format("link set lo up\n"
                                   "link set eth0 up\n"
                                   "address add {}/32 dev eth0\n"
                                   "address add {}/128 dev eth0 nodad\n"
                                   "neighbour add 169.254.1.1 lladdr {} dev eth0 nud permanent\n"
                                   "neighbour add fe80::1 lladdr {} dev eth0 nud permanent\n"
                                   "route add default via 169.254.1.1 dev eth0 onlink\n"
                                   "route add default via fe80::1 dev eth0 onlink\n",
                                   ipv4, ipv6, kNodeLinkAddress, kNodeLinkAddress));
}

Result<void> set_up_outside(const PrivateNamespace& outside) {
  return ip_batch(outside,
                  "link set lo up\n"
                  "link set eth0 up\n"
                  "address add 192.168.0.1/24 dev eth0\n"
                  "address add 2001:db8::1/64 dev eth0 nodad\n"
                  "address add 203.0.113.10/32 dev lo\n"
                  "address add 2001:db8:c::10/128 dev lo nodad\n"
                  "address add 10.180.1.7/32 dev lo\n"
                  "address add fd00:180:1::7/128 dev lo nodad\n"
                  "route add default via 192.168.0.2\n"
                  "route add default via 2001:db8::2\n");
}

Result<void> set_up_overlay(const PrivateNamespace& overlay) {
  return ip_batch(overlay,
                  "link set lo up\n"
                  "link set overlay up\n"
                  "address add 10.180.2.7/32 dev lo\n"
                  "address add fd00:180:2::7/128 dev lo nodad\n"
                  "route add 0.0.0.0/0 dev overlay\n"
                  "route add ::/0 dev overlay\n");
}

Result<void> set_up_node(const PrivateNamespace& node) {
  return ip_batch(node,
                  "link set lo up\n"
                  "link set eth0 up\n"
                  "link set pod1 up\n"
                  "link set pod2 up\n"
                  "address add 192.168.0.2/24 dev eth0\n"
                  "address add 2001:db8::2/64 dev eth0 nodad\n"
                  "route add default via 192.168.0.1\n"
                  "route add default via 2001:db8::1\n"
                  "route add 10.180.0.9/32 dev pod1\n"
                  "route add 10.180.0.10/32 dev pod2\n"
                  "route add fd00:180::9/128 dev pod1\n"
                  "route add fd00:180::a/128 dev pod2\n"
                  "link set overlay up\n"
                  "route add 10.180.2.0/24 dev overlay\n"
                  "route add fd00:180:2::/64 dev overlay\n");
}

Result<void> set_up_device(const std::string& interface, uint32_t command, uint32_t value) {
  ethtool_value order{.cmd = command, .data = value};
  ifreq request{};
  interface.copy(request.ifr_name, sizeof request.ifr_name - 1);
  request.ifr_data = reinterpret_cast<char*>(&order);
  const FileDescriptor any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (ioctl(any.get(), SIOCETHTOOL, &request) != 0) {
    return environment_error("{}: command {:#x} of ethtool: {}", interface, command,
                             std::strerror(errno));
  }
  return {};
}

Result<JsonDocument> ip_json(const PrivateNamespace& space,
                             const std::vector<std::string>& arguments) {
  std::vector<std::string> command = {"ip", "-j"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  auto output = run_inside(space, command);
  if (!output) return tl::unexpected(output.error());
  return JsonDocument{.file = fmt::format("{}", fmt::join(command, " ")),
                      .value = nlohmann::json::parse(*output),
                      .yaml = nullptr};
}

}  // namespace

Result<std::string> run_inside(const PrivateNamespace& space,
                               const std::vector<std::string>& command) {
  return space.run([&] { return run_child_checked(command, ""); });
}

Result<Network> Network::create() {
  auto node = PrivateNamespace::create();
  if (!node) return tl::unexpected(node.error());
  auto outside = PrivateNamespace::create();
  if (!outside) return tl::unexpected(outside.error());
  auto overlay = PrivateNamespace::create();
  if (!overlay) return tl::unexpected(overlay.error());
  auto pod1 = PrivateNamespace::create();
  if (!pod1) return tl::unexpected(pod1.error());
  auto pod2 = PrivateNamespace::create();
  if (!pod2) return tl::unexpected(pod2.error());
  Network network(std::move(*node), std::move(*outside), std::move(*overlay), std::move(*pod1),
                  std::move(*pod2));
  if (auto done = network.set_up(); !done) return tl::unexpected(done.error());
  return network;
}

Result<void> Network::set_up() {
  for (const PrivateNamespace* space : {&node_, &outside_, &overlay_, &pod1_, &pod2_}) {
    auto done = space->run([&] { return settle(space == &node_); });
    if (!done) return done;
  }
  if (auto done = join(node_, "eth0", outside_); !done) return done;
  if (auto done = join(node_, "pod1", pod1_); !done) return done;
  if (auto done = join(node_, "pod2", pod2_); !done) return done;
  auto link = BareLink::create(node_, overlay_, "overlay");
  if (!link) return tl::unexpected(link.error());
  overlay_link_ = std::move(*link);
  if (auto done = set_up_overlay(overlay_); !done) return done;
  if (auto done = set_up_node(node_); !done) return done;
  if (auto done = set_up_outside(outside_); !done) return done;
  if (auto done = set_up_pod(pod1_, "10.180.0.9", "fd00:180::9"); !done) return done;
  return set_up_pod(pod2_, "10.180.0.10", "fd00:180::a");
}

Result<void> Network::take_checksums_from_device(const std::string& interface) {
  return node_.run([&] { return set_up_device(interface, ETHTOOL_STXCSUM, 0); });
}

Result<void> Network::receive_in_lists() {
  // veth_skb_is_eligible_for_gro()
  auto done = outside_.run([&] { return set_up_device("eth0", ETHTOOL_STSO, 0); });
  if (done) done = ip_batch(outside_, "link set eth0 gso_max_segs 1\n");
  if (!done) return done;
  return node_.run([&] { return set_up_device("eth0", ETHTOOL_SGRO, 1); });
}

Result<World> Network::world() const {
  NodeSpec spec;
  spec.name = "node-a";
  auto addresses = ip_json(node_, {"addr"});
  if (!addresses) return tl::unexpected(addresses.error());
  auto interfaces = read_interfaces(addresses->value, *addresses);
  if (!interfaces) return tl::unexpected(interfaces.error());
  spec.interfaces = std::move(*interfaces);
  spec.routes.emplace();
  for (const char* family : {"-4", "-6"}) {
    auto listed = ip_json(node_, {family, "route"});
    if (!listed) return tl::unexpected(listed.error());
    auto routes = read_routes(listed->value, *listed);
    if (!routes) return tl::unexpected(routes.error());
    spec.routes->insert(spec.routes->end(), routes->begin(), routes->end());
  }
  return make_world(spec, NodePods(spec), ProxyConfig{}, Sysctls{});
}

}  // namespace kubeproof::attached
