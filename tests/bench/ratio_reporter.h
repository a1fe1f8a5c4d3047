// Prints what each benchmark costs, and how many bare test runs that is: on another machine, or
// under load, only the ratio means something. The load changes from minute to minute, so the
// yardstick is held to each benchmark anew, right after it.
#pragma once

#include <benchmark/benchmark.h>

#include <map>
#include <string>
#include <vector>

#include "tests/bench/yardstick.h"

namespace kubeproof {

// A counter with this name, or one that begins with it, says how many nanoseconds a run of a
// program took by the kernel's own measure, without the test run around it.
constexpr const char* kProgramCounter = "program";

class RatioReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context& context) override;
  void ReportRuns(const std::vector<Run>& runs) override;
  // Tells how much more a packet costs with the most services than with the fewest.
  void Finalize() override;

  // What could not run here, and why.
  const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  std::string ratio(double nanoseconds);
  void note_growth(const std::string& name, double nanoseconds);

  Result<Yardstick> yardstick_ = Yardstick::create();
  std::vector<std::string> skipped_;
  // Of a benchmark of a program: what it takes, by the number of services.
  std::map<std::string, std::map<size_t, double>> growth_;
};

}  // namespace kubeproof
