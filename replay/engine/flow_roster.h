// Which flows a network namespace has, by what the kernel announces: each that is new and each that
// goes. All namespaces share one table of many thousand buckets, and a dump of one namespace goes
// through them all: looking up each of a few hundred flows by name costs a small part of that.
#pragma once

#include <cstdint>
#include <set>
#include <utility>

#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/netlink_socket.h"

namespace kubeproof {

// The original tuple as the kernel writes it (CTA_TUPLE_ORIG).
struct FlowIdentity {
  Family family = Family::kIpv4;
  Bytes tuple;

  friend auto operator<=>(const FlowIdentity&, const FlowIdentity&) = default;
};

class FlowRoster {
 public:
  // Of the namespace that the calling thread is in, which has no flow yet.
  static Result<FlowRoster> open();

  // Takes in what was announced by now. False where something was lost: then only a dump tells,
  // from which renew() goes on.
  Result<bool> update();
  void renew(std::set<FlowIdentity> flows);

  const std::set<FlowIdentity>& flows() const { return flows_; }

 private:
  explicit FlowRoster(NetlinkSocket socket) : socket_(std::move(socket)) {}

  NetlinkSocket socket_;
  std::set<FlowIdentity> flows_;
  bool lost_ = false;
};

}  // namespace kubeproof
