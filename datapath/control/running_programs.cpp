#include "datapath/control/running_programs.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace kubeproof::control {

// Programs run in RCU's read-side critical sections, and this waits for all of those
// (kernel/sched/membarrier.c).
Result<void> wait_for_running_programs() {
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return {};
  // Where CPUs run without a tick (nohz_full), the kernel does not offer it.
  if (errno != EINVAL) {
    return environment_error("membarrier(MEMBARRIER_CMD_GLOBAL): {}", std::strerror(errno));
  }
  std::this_thread::sleep_for(kProgramsAreOver);
  return {};
}

}  // namespace kubeproof::control
