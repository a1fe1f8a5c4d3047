// A netlink socket to the kernel's netfilter subsystems (nfnetlink): requests that are
// acknowledged, and dumps.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

// One nfnetlink message under construction; attributes are added with libmnl to header().
class NetlinkRequest {
 public:
  // `type` is subsystem << 8 | message; `family` AF_INET, AF_INET6 or AF_UNSPEC; `resource` what
  // the subsystem takes it for (a group of NFLOG).
  NetlinkRequest(uint16_t type, uint16_t flags, uint8_t family, uint16_t resource = 0);

  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }

 private:
  static constexpr size_t kCapacity = 512;
  alignas(nlmsghdr) std::array<uint8_t, kCapacity> bytes_{};
};

// The attributes of a message that stand behind its nfgenmsg. (libmnl's own loops are C only.)
template <class Function>
void for_each_attribute(const nlmsghdr* message, Function&& function) {
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  const auto* attribute =
      static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    function(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

// The attributes inside another.
template <class Function>
void for_each_nested(const nlattr* parent, Function&& function) {
  const auto* payload = static_cast<const char*>(mnl_attr_get_payload(parent));
  const char* end = payload + mnl_attr_get_payload_len(parent);
  const auto* attribute = reinterpret_cast<const nlattr*>(payload);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    function(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

class NetlinkSocket {
 public:
  // In the namespace that the calling thread is in.
  static Result<NetlinkSocket> open();

  // Sends a request and waits for its acknowledgement: 0, or the kernel's errno.
  Result<int> transact(NetlinkRequest& request);
  // Sends a request and calls `each` with every message of the answer.
  Result<void> dump(NetlinkRequest& request, const std::function<void(const nlmsghdr*)>& each);

  // Sends requests of which each has one answer, and calls `each` with every answer and the number
  // of its request.
  Result<void> ask_all(std::span<NetlinkRequest> requests,
                       const std::function<void(size_t, const nlmsghdr*)>& each);

  // Takes part in a group that the kernel sends to (NFNLGRP_*).
  Result<void> join(int group);

  // The next datagram without waiting; empty when there is none. The kernel says once that there
  // was no room for some: then `lost` becomes true.
  Result<std::span<const uint8_t>> receive(bool& lost);
  Result<std::span<const uint8_t>> receive();

  int fd() const { return fd_.get(); }

 private:
  explicit NetlinkSocket(FileDescriptor fd);
  Result<void> send(NetlinkRequest& request);
  Result<void> collect_answers(size_t count,
                               const std::function<void(size_t, const nlmsghdr*)>& each);

  FileDescriptor fd_;
  std::vector<uint8_t> buffer_;
};

}  // namespace kubeproof
