#include "datapath/control/running_programs.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

namespace kubeproof::control {

// Programs run in RCU's read-side critical sections, and membarrier waits for all of those
// (kernel/sched/membarrier.c). Where CPUs run without a tick (nohz_full), the kernel does not offer
// it, and others may forbid it.
void wait_for_running_programs() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  std::this_thread::sleep_for(kProgramsAreOver);
}

}  // namespace kubeproof::control
