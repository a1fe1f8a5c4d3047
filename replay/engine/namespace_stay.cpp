#include "replay/engine/namespace_stay.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "replay/engine/file_descriptor.h"

namespace kubeproof {
namespace {

// What the kernel keeps for each thread and does not tell cheaply.
struct Residence {
  const NamespaceStay* here = nullptr;
  FileDescriptor home;
};

Residence& residence() {
  thread_local Residence one;
  return one;
}

}  // namespace

Result<void> NamespaceStay::enter() {
  Residence& thread = residence();
  if (thread.here == this) return {};
  if (thread.here == nullptr) {
    thread.home = FileDescriptor(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
    if (!thread.home) {
      return environment_error("/proc/thread-self/ns/net: cannot be opened ({})",
                               std::strerror(errno));
    }
  }
  if (setns(target_.fd(), CLONE_NEWNET) != 0) {
    return environment_error("a network namespace cannot be entered ({}): this needs CAP_SYS_ADMIN",
                             std::strerror(errno));
  }
  thread.here = this;
  return {};
}

NamespaceStay::~NamespaceStay() {
  Residence& thread = residence();
  if (thread.here != this) return;
  if (setns(thread.home.get(), CLONE_NEWNET) != 0) {
    // A thread that goes on in the wrong namespace would harm the host's.
    std::perror("cannot return to the thread's own network namespace");
    std::abort();
  }
  thread = Residence{};
}

}  // namespace kubeproof
