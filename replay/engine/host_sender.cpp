#include "replay/engine/host_sender.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kubeproof {
namespace {

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;

// What the kernel needs to route a packet, beside its bytes.
struct Routing {
  sockaddr_storage destination{};
  socklen_t destination_length = 0;
  // IP_PKTINFO with a source, for the one kind of source that decides over a route: loopback's,
  // which cannot leave the host without route_localnet (net/ipv4/route.c, __mkroute_output).
  alignas(cmsghdr) std::array<uint8_t, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  size_t control_length = 0;
};

void route_ipv4(ByteView packet, Routing& routing) {
  auto* to = reinterpret_cast<sockaddr_in*>(&routing.destination);
  to->sin_family = AF_INET;
  std::copy_n(packet.begin() + 16, 4, reinterpret_cast<uint8_t*>(&to->sin_addr));
  routing.destination_length = sizeof(sockaddr_in);
  if (packet[12] != IN_LOOPBACKNET) return;
  auto* header = reinterpret_cast<cmsghdr*>(routing.control.data());
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  auto* info = reinterpret_cast<in_pktinfo*>(CMSG_DATA(header));
  std::copy_n(packet.begin() + 12, 4, reinterpret_cast<uint8_t*>(&info->ipi_spec_dst));
  routing.control_length = routing.control.size();
}

void route_ipv6(ByteView packet, Routing& routing) {
  auto* to = reinterpret_cast<sockaddr_in6*>(&routing.destination);
  to->sin6_family = AF_INET6;
  std::copy_n(packet.begin() + 24, 16, reinterpret_cast<uint8_t*>(&to->sin6_addr));
  routing.destination_length = sizeof(sockaddr_in6);
}

// What the kernel says when a packet ends on its way out; anything else is our own failure.
bool means_refused(int error) {
  constexpr int kRefusals[] = {EPERM,    ENETUNREACH, EHOSTUNREACH,  EACCES,      EINVAL,
                               EMSGSIZE, ENETDOWN,    EADDRNOTAVAIL, ECONNREFUSED};
  return std::find(std::begin(kRefusals), std::end(kRefusals), error) != std::end(kRefusals);
}

}  // namespace

HostSender::HostSender(Socket ipv4, Socket ipv4_zero_identification, Socket ipv6)
    : ipv4_(std::move(ipv4)),
      ipv4_zero_identification_(std::move(ipv4_zero_identification)),
      ipv6_(std::move(ipv6)) {}

Result<HostSender::Socket> HostSender::open_socket(int family, int priority) {
  Socket opened;
  opened.fd = FileDescriptor(socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!opened.fd) {
    return environment_error("a raw socket cannot be opened ({})", std::strerror(errno));
  }
  const int on = 1;
  setsockopt(opened.fd.get(), SOL_SOCKET, SO_BROADCAST, &on, sizeof(on));
  if (setsockopt(opened.fd.get(), SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)) != 0) {
    return environment_error("a raw socket's priority cannot be set ({})", std::strerror(errno));
  }
  return opened;
}

Result<HostSender> HostSender::open() {
  auto ipv4 = open_socket(AF_INET, kPriority);
  if (!ipv4) return tl::unexpected(ipv4.error());
  auto zero = open_socket(AF_INET, kZeroIdentificationPriority);
  if (!zero) return tl::unexpected(zero.error());
  auto ipv6 = open_socket(AF_INET6, kPriority);
  return HostSender(std::move(*ipv4), std::move(*zero), ipv6 ? std::move(*ipv6) : Socket());
}

Result<bool> HostSender::send(ByteView packet, uint32_t mark) {
  const bool is_v4 = !packet.empty() && packet[0] >> 4 == 4;
  const bool is_v6 = !packet.empty() && packet[0] >> 4 == 6;
  if (packet.size() < (is_v4 ? kIpv4Header : kIpv6Header) || (!is_v4 && !is_v6)) return false;
  Socket& socket = is_v6 ? ipv6_ : load16(packet, 4) == 0 ? ipv4_zero_identification_ : ipv4_;
  if (!socket.fd) return environment_error("an IPv6 packet of the host: the kernel has no IPv6");
  if (socket.mark != mark) {
    if (setsockopt(socket.fd.get(), SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0) {
      return environment_error("a raw socket's mark cannot be set ({})", std::strerror(errno));
    }
    socket.mark = mark;
  }
  Routing routing;
  (is_v6 ? route_ipv6 : route_ipv4)(packet, routing);
  iovec bytes{const_cast<uint8_t*>(packet.data()), packet.size()};
  msghdr message{};
  message.msg_name = &routing.destination;
  message.msg_namelen = routing.destination_length;
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = routing.control.data();
  message.msg_controllen = routing.control_length;
  const ssize_t sent = sendmsg(socket.fd.get(), &message, 0);
  if (sent >= 0) return true;
  if (means_refused(errno)) return false;
  return environment_error("a packet of the host could not be sent ({})", std::strerror(errno));
}

}  // namespace kubeproof
