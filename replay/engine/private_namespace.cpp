#include "replay/engine/private_namespace.h"

#include <fcntl.h>
#include <sched.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kubeproof {
namespace {

Result<FileDescriptor> open_current_namespace() {
  FileDescriptor fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return environment_error("/proc/thread-self/ns/net: cannot be opened ({})",
                             std::strerror(errno));
  }
  return fd;
}

// A thread left in the wrong namespace would go on to change the host's or a foreign one.
void return_or_die(int home) {
  if (setns(home, CLONE_NEWNET) == 0) return;
  std::perror("kubeproof: cannot return to the thread's own network namespace");
  std::abort();
}

}  // namespace

Result<PrivateNamespace> PrivateNamespace::create() {
  auto home = open_current_namespace();
  if (!home) return tl::unexpected(home.error());
  if (unshare(CLONE_NEWNET) != 0) {
    return environment_error(
        "a private network namespace cannot be made ({}): run as root or with CAP_SYS_ADMIN",
        std::strerror(errno));
  }
  auto fd = open_current_namespace();
  return_or_die(home->get());
  if (!fd) return tl::unexpected(fd.error());
  return PrivateNamespace(std::move(*fd));
}

Result<PrivateNamespace::Visit> PrivateNamespace::Visit::begin(int target) {
  auto home = open_current_namespace();
  if (!home) return tl::unexpected(home.error());
  if (setns(target, CLONE_NEWNET) != 0) {
    return environment_error("the private network namespace cannot be entered ({})",
                             std::strerror(errno));
  }
  return Visit(std::move(*home));
}

PrivateNamespace::Visit::~Visit() {
  if (home_) return_or_die(home_.get());
}

}  // namespace kubeproof
