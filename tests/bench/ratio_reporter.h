// Prints what each benchmark costs, and how many bare test runs that is: on another machine, or
// under load, only the ratio means something. The load changes from minute to minute, so the
// yardstick is held to each benchmark anew, right after it.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "tests/bench/yardstick.h"

namespace kubeproof {

class RatioReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

  // What could not run here, and why.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  std::string ratio(double nanoseconds);

  Result<Yardstick> yardstick_ = Yardstick::create();
  std::vector<std::string> skipped_;
};

}  // namespace kubeproof
