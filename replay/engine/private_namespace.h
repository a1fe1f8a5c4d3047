// A network namespace without a name. Nothing but file descriptors keeps it alive, so it is gone,
// with every interface, rule and flow in it, as soon as the process is: even after kill -9.
//
// A thread is inside only while it runs something that needs it. Sockets and TUN devices belong to
// the namespace in which they were opened, wherever they are used from; children inherit the
// namespace of the thread that starts them; /proc/sys/net follows the thread, but /proc/net the
// process's first thread (use /proc/thread-self/net).
#pragma once

#include <type_traits>
#include <utility>

#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof {

class PrivateNamespace {
 public:
  // The calling thread stays where it is.
  static Result<PrivateNamespace> create();

  int fd() const { return fd_.get(); }

  // Calls `function`, which returns a Result, with the calling thread inside.
  template <class Function>
  auto run(Function&& function) const -> std::invoke_result_t<Function> {
    auto visit = Visit::begin(fd());
    if (!visit) return tl::unexpected(visit.error());
    return std::forward<Function>(function)();
  }

 private:
  // Takes the calling thread inside, and back to where it was.
  class Visit {
   public:
    static Result<Visit> begin(int target);
    explicit Visit(FileDescriptor home) : home_(std::move(home)) {}
    Visit(Visit&&) = default;
    Visit& operator=(Visit&&) = default;
    ~Visit();

   private:
    FileDescriptor home_;
  };

  explicit PrivateNamespace(FileDescriptor fd) : fd_(std::move(fd)) {}

  FileDescriptor fd_;
};

}  // namespace kubeproof
