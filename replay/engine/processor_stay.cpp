#include "replay/engine/processor_stay.h"

#include <sched.h>

#include <cerrno>
#include <cstring>

namespace kubeproof {
namespace {

struct Residence {
  const ProcessorStay* here = nullptr;
  cpu_set_t home{};
};

Residence& residence() {
  thread_local Residence one;
  return one;
}

tl::unexpected<Error> cannot(const char* what) {
  return environment_error("the thread cannot {} ({})", what, std::strerror(errno));
}

}  // namespace

Result<void> ProcessorStay::enter() {
  Residence& thread = residence();
  if (thread.here == nullptr) {
    if (sched_getaffinity(0, sizeof(thread.home), &thread.home) != 0) {
      return cannot("be asked for its CPUs");
    }
    const int processor = sched_getcpu();
    cpu_set_t only;
    CPU_ZERO(&only);
    if (processor >= 0) CPU_SET(processor, &only);
    if (sched_setaffinity(0, sizeof(only), &only) != 0) return cannot("stay on its CPU");
  }
  thread.here = this;
  return {};
}

ProcessorStay::~ProcessorStay() {
  Residence& thread = residence();
  if (thread.here != this) return;
  // Of CPUs that are gone by now the kernel takes what is left.
  (void)sched_setaffinity(0, sizeof(thread.home), &thread.home);
  thread = Residence{};
}

}  // namespace kubeproof
