// Puts packets on their way as if a process of the node had made them: through OUTPUT, out of raw
// sockets that leave the headers to us (net/ipv4/raw.c, net/ipv6/raw.c).
//
// The kernel still fills in three fields of an IPv4 header. Total length and checksum come out as
// they went in, where they were right. An identification of zero, which Linux itself gives to
// packets that must not be fragmented, it would replace; such packets leave by a socket with a
// priority of its own, by which a chain at the start of OUTPUT knows where to put the zero back
// (hook_chains.h). The chain also takes the priorities away.
#pragma once

#include <cstdint>
#include <string_view>

#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

class HostSender {
 public:
  // skb->priority of what is sent here, until OUTPUT.
  static constexpr int kZeroIdentificationPriority = 0x7e57;
  static constexpr int kPriority = 0x7e58;

  // In the namespace that the calling thread is in.
  static Result<HostSender> open();

  // False where the kernel refused it: dropped in OUTPUT, without a route, longer than the MTU of
  // its route. `packet` has no trailing bytes.
  Result<bool> send(ByteView packet, uint32_t mark);

 private:
  struct Socket {
    FileDescriptor fd;
    uint32_t mark = 0;
  };
  static Result<Socket> open_socket(int family, int priority);
  HostSender(Socket ipv4, Socket ipv4_zero_identification, Socket ipv6);

  Socket ipv4_;
  Socket ipv4_zero_identification_;
  Socket ipv6_;  // absent where the kernel has no IPv6
};

}  // namespace kubeproof
