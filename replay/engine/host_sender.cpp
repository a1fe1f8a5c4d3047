#include "replay/engine/host_sender.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace kubeproof {
namespace {

constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;

struct Destination {
  sockaddr_storage storage{};
  socklen_t length = 0;
};

Destination destination_of(ByteView packet) {
  Destination destination;
  if (packet[0] >> 4 == 4) {
    auto* address = reinterpret_cast<sockaddr_in*>(&destination.storage);
    address->sin_family = AF_INET;
    std::copy_n(packet.begin() + 16, 4, reinterpret_cast<uint8_t*>(&address->sin_addr));
    destination.length = sizeof(sockaddr_in);
  } else {
    auto* address = reinterpret_cast<sockaddr_in6*>(&destination.storage);
    address->sin6_family = AF_INET6;
    std::copy_n(packet.begin() + 24, 16, reinterpret_cast<uint8_t*>(&address->sin6_addr));
    destination.length = sizeof(sockaddr_in6);
  }
  return destination;
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
  const Destination to = destination_of(packet);
  const ssize_t sent = sendto(socket.fd.get(), packet.data(), packet.size(), 0,
                              reinterpret_cast<const sockaddr*>(&to.storage), to.length);
  if (sent >= 0) return true;
  if (means_refused(errno)) return false;
  return environment_error("a packet of the host could not be sent ({})", std::strerror(errno));
}

}  // namespace kubeproof
