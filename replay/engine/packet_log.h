// Packets that the kernel shows us on their way (NFLOG, net/netfilter/nfnetlink_log.c): whole, at
// once, and in order, because a group with a queue threshold of one writes to our socket while it
// handles the packet.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "replay/engine/netlink_socket.h"

namespace kubeproof {

struct LoggedPacket {
  uint16_t group = 0;
  uint8_t hook = 0;         // NF_INET_* of linux/netfilter.h
  ByteView packet;          // from the network header
  std::string_view prefix;  // what the rule that logged it, or a trace, says
};

class PacketLog {
 public:
  // Listens to the groups, in the namespace that the calling thread is in.
  static Result<PacketLog> open(std::initializer_list<uint16_t> groups);

  // Makes this the log to which xtables writes the traces of a family, as group 0.
  Result<void> take_traces(Family family);

  // The next packet, valid until the next call; empty when there is none.
  Result<std::optional<LoggedPacket>> read();

  int fd() const { return socket_.fd(); }

 private:
  explicit PacketLog(NetlinkSocket socket) : socket_(std::move(socket)) {}
  Result<void> configure(uint16_t group);

  NetlinkSocket socket_;
};

}  // namespace kubeproof
