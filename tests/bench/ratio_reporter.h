// Prints what each benchmark costs, and how many bare test runs that is: on another machine, or
// under load, only the ratio means something.
#pragma once

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace kubeproof {

class RatioReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;

  // What could not run here, and why.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  double yardstick_ = 0;  // nanoseconds
  std::vector<std::string> skipped_;
};

}  // namespace kubeproof
