// A thread that stays on one CPU from one packet to the next. What the stack says of a packet that
// it was given it says there and then, so programs keep what they know of that packet by CPU: a
// harness that the scheduler moves in between would find them without it. Moving costs as much as
// several test runs, so one stays, and another stay takes the thread over as it is.
#pragma once

#include "model/result.h"

namespace kubeproof {

class ProcessorStay {
 public:
  ProcessorStay() = default;
  ProcessorStay(const ProcessorStay&) = delete;
  ProcessorStay& operator=(const ProcessorStay&) = delete;
  // Lets the thread go wherever it might before its first stay, if this is the last.
  ~ProcessorStay();

  // On whichever CPU it is just running. Nothing to do where the thread stays already.
  Result<void> enter();
};

}  // namespace kubeproof
