// The network namespace that a thread was in when it changed something there, kept so that the
// change can be taken back from wherever that happens.
#pragma once

#include <functional>

#include "model/result.h"

namespace kubeproof::control {

class KeptNamespace {
 public:
  KeptNamespace() = default;  // none
  static Result<KeptNamespace> current();

  KeptNamespace(KeptNamespace&& other) noexcept;
  KeptNamespace& operator=(KeptNamespace&& other) noexcept;
  ~KeptNamespace();

  // With the calling thread inside, if that can be; the thread returns to where it was.
  void visit(const std::function<void()>& function) const;

 private:
  explicit KeptNamespace(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace kubeproof::control
