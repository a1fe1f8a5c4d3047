#include "tests/bench/ratio_reporter.h"

#include <fmt/format.h>

#include <ostream>

namespace kubeproof {
namespace {

// Time on the processor: what else the machine does in the meantime does not count.
double nanoseconds(const benchmark::BenchmarkReporter::Run& run) {
  return run.GetAdjustedCPUTime() / benchmark::GetTimeUnitMultiplier(run.time_unit) * 1e9;
}

std::string readable(double nanoseconds) {
  if (nanoseconds < 1e3) return fmt::format("{:.0f} ns", nanoseconds);
  if (nanoseconds < 1e6) return fmt::format("{:.2f} us", nanoseconds / 1e3);
  if (nanoseconds < 1e9) return fmt::format("{:.2f} ms", nanoseconds / 1e6);
  return fmt::format("{:.2f} s", nanoseconds / 1e9);
}

}  // namespace

std::string RatioReporter::ratio(double nanoseconds) {
  const double bare = yardstick_ ? yardstick_->measure() : 0;
  return bare == 0 ? "" : fmt::format("{:.2f}", nanoseconds / bare);
}

bool RatioReporter::ReportContext(const Context&) {
  GetOutputStream() << fmt::format("{:<42} {:>12} {:>16}\n", "", "each", "bare test runs");
  return true;
}

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const std::string name = run.benchmark_name();
    if (run.error_occurred) {
      skipped_.push_back(fmt::format("{}: {}", name, run.error_message));
      GetOutputStream() << fmt::format("{:<42} {}\n", name, run.error_message);
      continue;
    }
    // A benchmark that works on many packets at once says on how many.
    const auto items = run.counters.find("each");
    const double each =
        nanoseconds(run) / (items == run.counters.end() ? 1.0 : items->second.value);
    GetOutputStream() << fmt::format("{:<42} {:>12} {:>16}\n", name, readable(each), ratio(each))
                      << std::flush;
  }
}

}  // namespace kubeproof
