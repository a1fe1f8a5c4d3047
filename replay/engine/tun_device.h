// A TUN device: an interface whose other end is a file descriptor. What is written enters the
// node at the interface, what the node sends is read: IP packets as bare bytes.
//
// The device stays until its namespace goes: a private one takes all its devices with it at once,
// in the background, where closing one after the other would wait for each.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

class TunDevice {
 public:
  // Makes the device, still down, in the namespace that the calling thread is in.
  static Result<TunDevice> open(uint32_t index, const std::string& name);

  // The kernel has dealt with the packet when this returns: tun_get_user() (drivers/net/tun.c)
  // calls netif_receive_skb() itself. False where the bytes are no packet to the kernel.
  Result<bool> write(ByteView packet) const;

  // The next packet that the node sent, in `buffer`; empty when there is none.
  Result<std::optional<ByteView>> read(MutableByteView buffer) const;

  int fd() const { return fd_.get(); }
  uint32_t index() const { return index_; }
  const std::string& name() const { return name_; }

 private:
  TunDevice(FileDescriptor fd, uint32_t index, std::string name)
      : fd_(std::move(fd)), index_(index), name_(std::move(name)) {}

  FileDescriptor fd_;
  uint32_t index_ = 0;
  std::string name_;
};

}  // namespace kubeproof
