// Network namespaces joined by veth pairs, as the nodes and pods of a cluster are.
//
//   outside  eth0 192.168.0.1, 2001:db8::1        a client and, behind the same router, a pod of
//            lo   203.0.113.10, 2001:db8:c::10    another node
//                 10.180.1.7, fd00:180:1::7
//      │
//   node     eth0 192.168.0.2, 2001:db8::2
//            pod1, pod2                           without addresses, a host route to each pod
//            overlay                              a link that carries bare IP
//      │
//   overlay  lo   10.180.2.7, fd00:180:2::7       a third node's pod
//      │
//   pod 1    eth0 10.180.0.9, fd00:180::9
//   pod 2    eth0 10.180.0.10, fd00:180::a
//
// Offloads of the veth pairs stay as they are by default: checksums are left to a device that never
// computes them, and segments are not cut before they are received.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "model/node/world.h"
#include "model/result.h"
#include "replay/engine/private_namespace.h"
#include "tests/attached/bare_link.h"

namespace kubeproof::attached {

class Network {
 public:
  static Result<Network> create();

  const PrivateNamespace& node() const { return node_; }
  const PrivateNamespace& outside() const { return outside_; }
  const PrivateNamespace& overlay() const { return overlay_; }
  const PrivateNamespace& pod1() const { return pod1_; }
  const PrivateNamespace& pod2() const { return pod2_; }

  // What the node sends there has its checksums computed by the node from then on, however late.
  Result<void> take_checksums_from_device(const std::string& interface);
  // Has segments from outside come in one by one, but handed up in lists, as network cards do
  // (NAPI, GRO).
  Result<void> receive_in_lists();

  // The node's world, as a user would hand it over.
  Result<World> world() const;

 private:
  Network(PrivateNamespace node, PrivateNamespace outside, PrivateNamespace overlay,
          PrivateNamespace pod1, PrivateNamespace pod2)
      : node_(std::move(node)),
        outside_(std::move(outside)),
        overlay_(std::move(overlay)),
        pod1_(std::move(pod1)),
        pod2_(std::move(pod2)) {}

  Result<void> set_up();

  PrivateNamespace node_;
  PrivateNamespace outside_;
  PrivateNamespace overlay_;
  PrivateNamespace pod1_;
  PrivateNamespace pod2_;
  std::unique_ptr<BareLink> overlay_link_;
};

// What a command prints, run inside.
Result<std::string> run_inside(const PrivateNamespace& space,
                               const std::vector<std::string>& command);

}  // namespace kubeproof::attached
