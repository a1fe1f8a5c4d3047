// Both programs at the tc hooks of one interface, in the network namespace of the thread that
// attaches them. Detached when it goes, wherever that is; the qdisc that holds the hooks goes with
// it where it came with it.
#pragma once

#include <cstdint>

#include "datapath/control/kept_namespace.h"
#include "model/result.h"

namespace kubeproof::control {

class TcAttachment {
 public:
  static Result<TcAttachment> attach(uint32_t interface, int ingress_program, int egress_program);

  TcAttachment(TcAttachment&& other) noexcept;
  TcAttachment& operator=(TcAttachment&& other) noexcept;
  ~TcAttachment() { detach(); }

 private:
  TcAttachment() = default;
  void detach();

  KeptNamespace space_;
  uint32_t interface_ = 0;  // 0: nothing attached
  bool made_qdisc_ = false;
  bool has_ingress_ = false;
  bool has_egress_ = false;
};

}  // namespace kubeproof::control
