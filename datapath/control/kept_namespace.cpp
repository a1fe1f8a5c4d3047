#include "datapath/control/kept_namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace kubeproof::control {
namespace {

constexpr const char* kOfThread = "/proc/thread-self/ns/net";

}  // namespace

Result<KeptNamespace> KeptNamespace::current() {
  const int fd = open(kOfThread, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return environment_error("{}: cannot be opened: {}", kOfThread, std::strerror(errno));
  return KeptNamespace(fd);
}

KeptNamespace::KeptNamespace(KeptNamespace&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

KeptNamespace& KeptNamespace::operator=(KeptNamespace&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

KeptNamespace::~KeptNamespace() {
  if (fd_ >= 0) close(fd_);
}

void KeptNamespace::visit(const std::function<void()>& function) const {
  const auto home = current();
  if (!home || fd_ < 0 || setns(fd_, CLONE_NEWNET) != 0) return;
  function();
  // A thread left in the wrong namespace would go on to change a foreign one.
  if (setns(home->fd_, CLONE_NEWNET) != 0) std::abort();
}

}  // namespace kubeproof::control
