// The measure of everything else: one bare BPF_PROG_TEST_RUN of an empty tc program.
#pragma once

#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/file_descriptor.h"
#include "replay/engine/test_run.h"

namespace kubeproof {

constexpr const char* kYardstickName = "bare_test_run";

class Yardstick {
 public:
  static Result<Yardstick> create();

  Result<void> run();
  // What one run costs just now, in nanoseconds on the processor; 0 where it does not run.
  double measure();

 private:
  explicit Yardstick(FileDescriptor program);

  FileDescriptor program_;
  Bytes packet_;
};

// Registers it as the benchmark that is run first.
void register_yardstick();

}  // namespace kubeproof
