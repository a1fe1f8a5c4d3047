// A packet of our own that goes through lo's queue behind all that is already there. Its sight says
// that the queue has been worked off: almost always at once, but the kernel may leave the rest of
// it to ksoftirqd (kernel/softirq.c, handle_softirqs).
//
// It is put on lo directly, past OUTPUT, and taken away at the start of PREROUTING (hook_chains.h):
// neither rules nor connection tracking meet it.
#pragma once

#include <cstdint>

#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

class LoopbackSentinel {
 public:
  static constexpr int kPriority = 0x7e59;  // skb->priority, by which it is recognised

  // In the namespace that the calling thread is in.
  static Result<LoopbackSentinel> open();

  // Sends one that carries `number` as its IP identification.
  Result<void> send(uint16_t number) const;

 private:
  explicit LoopbackSentinel(FileDescriptor fd) : fd_(std::move(fd)) {}
  FileDescriptor fd_;
};

}  // namespace kubeproof
