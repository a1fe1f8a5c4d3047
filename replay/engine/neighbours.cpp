#include "replay/engine/neighbours.h"

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace kubeproof {

Result<Neighbours> Neighbours::create() {
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return environment_error("cannot open a netlink socket: {}", std::strerror(errno));
  return Neighbours(std::move(socket));
}

Result<void> Neighbours::know(const RoutingTable& routes, const IpAddress& destination) {
  if (!destinations_.insert(destination).second) return {};
  const RouteDecision route = routes.lookup(destination);
  if (route.verdict != RouteVerdict::kForward || route.out->kind != InterfaceKind::kUplink) {
    return {};
  }
  if (!known_.emplace(route.out->index, route.next_hop).second) return {};
  return add(route.out->index, route.next_hop);
}

Result<void> Neighbours::add(uint32_t interface, const IpAddress& address) {
  alignas(nlmsghdr) std::array<uint8_t, 512> bytes{};
  nlmsghdr* request = mnl_nlmsg_put_header(bytes.data());
  request->nlmsg_type = RTM_NEWNEIGH;
  request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  auto* neighbour = static_cast<ndmsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ndmsg)));
  neighbour->ndm_family = address.is_v4() ? AF_INET : AF_INET6;
  neighbour->ndm_ifindex = static_cast<int>(interface);
  neighbour->ndm_state = NUD_PERMANENT;
  const auto value = address.bytes();
  mnl_attr_put(request, NDA_DST, value.size(), value.data());

  if (::send(socket_.get(), request, request->nlmsg_len, 0) < 0) {
    return environment_error("cannot send to netlink: {}", std::strerror(errno));
  }
  alignas(nlmsghdr) std::array<uint8_t, 4096> answer{};
  const ssize_t length = ::recv(socket_.get(), answer.data(), answer.size(), 0);
  int error = length < 0 ? errno : 0;
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer.data());
  if (length > 0 && header->nlmsg_type == NLMSG_ERROR) {
    error = -static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header))->error;
  }
  if (error != 0) {
    return environment_error("cannot make {} a neighbour at interface {}: {}", address.to_string(),
                             interface, std::strerror(error));
  }
  return {};
}

}  // namespace kubeproof
