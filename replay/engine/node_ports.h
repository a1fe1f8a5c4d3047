// Where packets enter and leave a node that is a private network namespace: a TUN device for each
// interface, raw sockets for what the host makes, a log of what is delivered to the host.
//
// Nothing waits and nothing polls: the kernel handles a packet while we write it, so that all that
// it sends is there to be read when the write returns (drivers/net/tun.c tun_get_user). The one
// queue on the way is lo's, and that of copies that come back; see loopback_sentinel.h.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/packet/packet_view.h"
#include "model/result.h"
#include "replay/engine/host_sender.h"
#include "replay/engine/loopback_sentinel.h"
#include "replay/engine/packet_log.h"
#include "replay/engine/tun_device.h"

namespace kubeproof {

class NodePorts {
 public:
  // Sets the world up in the fresh namespace that the calling thread is in, with the delivery chain
  // (hook_chains.h) ahead of anything else.
  static Result<NodePorts> open(const World& world);

  // One packet in, and all that the node sends or delivers for it out: what is delivered first,
  // then by interface.
  Result<void> exchange(const Injection& injection, Fate& fate);

  // Called with every trace that xtables writes meanwhile.
  void on_trace(std::function<void(const LoggedPacket&)> sink) { trace_ = std::move(sink); }
  Result<void> take_traces(Family family) { return log_.take_traces(family); }

  // Packets set aside because the stack sent them on its own account.
  uint64_t chatter() const { return chatter_; }

 private:
  NodePorts(const World& world, std::vector<TunDevice> devices, PacketLog log, HostSender host,
            LoopbackSentinel sentinel, FileDescriptor readiness);

  Result<bool> send(Ingress ingress, ByteView packet, uint32_t mark);
  // Everything that there is to read now; without `entered`, it belongs to no packet of ours.
  Result<void> collect(const PacketView* entered, Fate* fate);
  Result<void> collect_device(const TunDevice& device, const PacketView* entered, Fate* fate);
  Result<void> collect_log(const PacketView* entered, Fate* fate);
  // Whether what the host sent there may come back to it as well.
  bool may_come_back(const PacketView* entered, const Fate& fate) const;
  Result<void> flush_loopback(const PacketView* entered, Fate& fate);
  void emit(Place place, ByteView packet, const PacketView* entered, Fate* fate);

  std::vector<TunDevice> devices_;  // by rising index
  PacketLog log_;
  HostSender host_;
  LoopbackSentinel sentinel_;
  FileDescriptor readiness_;        // epoll over the log and all devices
  std::set<IpAddress> broadcasts_;  // the addresses of whole networks
  std::vector<uint8_t> buffer_;
  std::function<void(const LoggedPacket&)> trace_;
  uint16_t sentinel_sent_ = 0;
  uint16_t sentinel_seen_ = 0;
  uint64_t chatter_ = 0;
};

}  // namespace kubeproof
