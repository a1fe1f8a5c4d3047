// A node for the programs to run on: a network namespace with its interfaces, in which the thread
// stays, and next hops that are known.
#pragma once

#include <memory>
#include <vector>

#include "model/result.h"
#include "replay/engine/engine.h"
#include "replay/engine/namespace_stay.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/tun_device.h"

namespace kubeproof {

class BenchNode {
 public:
  static Result<std::unique_ptr<BenchNode>> create(const Configuration& configuration);

  Result<void> enter() { return stay_.enter(); }

 private:
  BenchNode(PrivateNamespace space, std::vector<TunDevice> devices);

  PrivateNamespace space_;
  std::vector<TunDevice> devices_;
  NamespaceStay stay_;
};

}  // namespace kubeproof
