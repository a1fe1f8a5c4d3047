#include "replay/engine/loopback_sentinel.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "model/packet/bytes.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

constexpr int kLoopbackIndex = 1;               // in every namespace (net/core/dev.c)
constexpr uint8_t kExperimentalProtocol = 253;  // RFC 3692

}  // namespace

Result<LoopbackSentinel> LoopbackSentinel::open() {
  FileDescriptor fd(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const int priority = kPriority;
  if (!fd || setsockopt(fd.get(), SOL_SOCKET, SO_PRIORITY, &priority, sizeof(priority)) != 0) {
    return environment_error("a packet socket cannot be opened ({})", std::strerror(errno));
  }
  return LoopbackSentinel(std::move(fd));
}

Result<void> LoopbackSentinel::send(uint16_t number) const {
  std::array<uint8_t, 20> packet = {0x45, 0, 0,   20, 0, 0, 0,   0, 64, kExperimentalProtocol,
                                    0,    0, 127, 0,  0, 1, 127, 0, 0,  1};
  store16(packet, 4, number);
  store16(packet, 10, ipv4_header_checksum(packet));
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = htons(ETH_P_IP);
  to.sll_ifindex = kLoopbackIndex;
  to.sll_halen = ETH_ALEN;
  if (sendto(fd_.get(), packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof(to)) < 0) {
    return environment_error("a packet on lo could not be sent ({})", std::strerror(errno));
  }
  return {};
}

}  // namespace kubeproof
