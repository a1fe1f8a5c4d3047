// A run of a program that takes a quarter of a second, as any may where its processor is taken from
// the node in the middle of it.
#pragma once

#include <cstdint>
#include <thread>

#include "model/result.h"
#include "replay/engine/file_descriptor.h"

namespace kubeproof::attached {

class SlowRun {
 public:
  // An error before Linux 6.15, where no program takes as long.
  static Result<SlowRun> load();
  SlowRun(SlowRun&&) = default;
  SlowRun& operator=(SlowRun&&) = delete;
  ~SlowRun();

  // Returns when it is under way. It is begun once.
  void begin();
  bool is_over() const;

 private:
  SlowRun() = default;
  uint32_t progress() const;

  FileDescriptor progress_;
  FileDescriptor program_;
  std::thread thread_;
};

}  // namespace kubeproof::attached
