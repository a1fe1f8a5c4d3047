// The neighbours of a node, who always answer: entries in the kernel's tables, so that programs
// that ask for the way to an address are told that its next hop is known. For devices without
// link-layer addresses; rtnetlink(7), RTM_NEWNEIGH.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "model/node/routing.h"
#include "model/packet/address.h"
#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

class Neighbours {
 public:
  // Of the network namespace of the calling thread.
  static Result<Neighbours> create();

  // The next hop toward an address, where that leads out of an uplink.
  Result<void> know(const RoutingTable& routes, const IpAddress& destination);

 private:
  explicit Neighbours(FileDescriptor socket) : socket_(std::move(socket)) {}
  Result<void> add(uint32_t interface, const IpAddress& address);

  FileDescriptor socket_;
  std::set<IpAddress> destinations_;  // asked for before
  std::set<std::pair<uint32_t, IpAddress>> known_;
};

}  // namespace kubeproof
