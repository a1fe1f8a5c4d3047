// A program at XDP of one interface, in the network namespace of the thread that attaches it.
// Detached when it goes, wherever that is. In the driver where that can; else generically, which
// works on every interface, behind the driver and a socket buffer later.
#pragma once

#include <cstdint>

#include "datapath/control/kept_namespace.h"
#include "model/result.h"

namespace kubeproof::control {

class XdpAttachment {
 public:
  enum class Mode : uint8_t { kNative, kGeneric };

  // Refused where another program is at XDP of the interface: it can have but one.
  static Result<XdpAttachment> attach(uint32_t interface, int program, bool allow_native);

  XdpAttachment(XdpAttachment&& other) noexcept;
  XdpAttachment& operator=(XdpAttachment&& other) noexcept;
  ~XdpAttachment() { detach(); }

  Mode mode() const { return mode_; }

 private:
  XdpAttachment() = default;
  void detach();

  KeptNamespace space_;
  uint32_t interface_ = 0;  // 0: nothing attached
  int program_ = -1;
  Mode mode_ = Mode::kGeneric;
};

}  // namespace kubeproof::control
