// A link between two network namespaces that carries bare IP, without Ethernet headers, as tunnels
// of overlay networks look to the stack: a TUN device on either side and a thread that hands
// packets over.
#pragma once

#include <atomic>
#include <string>
#include <thread>

#include "model/result.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/tun_device.h"

namespace kubeproof::attached {

class BareLink {
 public:
  // The devices are down.
  static Result<std::unique_ptr<BareLink>> create(const PrivateNamespace& one,
                                                  const PrivateNamespace& other,
                                                  const std::string& name);
  BareLink(const BareLink&) = delete;
  BareLink& operator=(const BareLink&) = delete;
  ~BareLink() { stopping_ = true; }

 private:
  BareLink(TunDevice one, TunDevice other);
  void carry();

  TunDevice one_;
  TunDevice other_;
  std::atomic<bool> stopping_ = false;
  std::jthread thread_;
};

}  // namespace kubeproof::attached
