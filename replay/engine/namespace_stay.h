// A thread that stays in a network namespace from one call to the next. Entering and leaving costs
// as much as a test run of a BPF program, so whoever needs the namespace for every packet enters
// once. Anything that visits another namespace in between returns to this one
// (PrivateNamespace::run), and another stay simply takes the thread over.
#pragma once

#include "model/result.h"
#include "replay/engine/private_namespace.h"

namespace kubeproof {

class NamespaceStay {
 public:
  // The namespace must outlive the stay.
  explicit NamespaceStay(const PrivateNamespace& target) : target_(target) {}
  NamespaceStay(const NamespaceStay&) = delete;
  NamespaceStay& operator=(const NamespaceStay&) = delete;
  // Takes the thread back to where it was before its first stay, if it is still here.
  ~NamespaceStay();

  // Nothing to do where the calling thread is there already.
  Result<void> enter();

 private:
  const PrivateNamespace& target_;
};

}  // namespace kubeproof
