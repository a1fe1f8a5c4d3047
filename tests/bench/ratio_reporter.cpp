#include "tests/bench/ratio_reporter.h"

#include <fmt/format.h>

#include <cstring>
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
  GetOutputStream() << fmt::format("{:<48} {:>12} {:>16} {:>16}\n", "", "each", "bare test runs",
                                   "program alone");
  return true;
}

void RatioReporter::note_growth(const std::string& name, double nanoseconds) {
  const size_t slash = name.rfind('/');
  growth_[name.substr(0, slash)][std::stoul(name.substr(slash + 1))] = nanoseconds;
}

void RatioReporter::Finalize() {
  for (const auto& [name, by_services] : growth_) {
    const auto [fewest, least] = *by_services.begin();
    const auto [most, greatest] = *by_services.rbegin();
    if (fewest == most || least == 0) continue;
    GetOutputStream() << fmt::format("{:<48} {:>12.2f} times from {} to {} services\n", name,
                                     greatest / least, fewest, most);
  }
}

void RatioReporter::ReportRuns(const std::vector<Run>& runs) {
  for (const Run& run : runs) {
    const std::string name = run.benchmark_name();
    if (run.error_occurred) {
      skipped_.push_back(fmt::format("{}: {}", name, run.error_message));
      GetOutputStream() << fmt::format("{:<48} {}\n", name, run.error_message);
      continue;
    }
    // A benchmark that works on many packets at once says on how many.
    const auto items = run.counters.find("each");
    const double each =
        nanoseconds(run) / (items == run.counters.end() ? 1.0 : items->second.value);
    GetOutputStream() << fmt::format("{:<48} {:>12} {:>16}", name, readable(each), ratio(each));
    for (const auto& [counter, value] : run.counters) {
      if (counter == kProgramCounter) {
        GetOutputStream() << fmt::format(" {:>16}", readable(value));
        note_growth(name, value);
      } else if (counter.starts_with(kProgramCounter)) {
        GetOutputStream() << fmt::format(
            "\n{:<48} {:>46}", name + counter.substr(strlen(kProgramCounter)), readable(value));
      }
    }
    GetOutputStream() << std::endl;
  }
}

}  // namespace kubeproof
