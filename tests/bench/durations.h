// How long a program takes, from many runs on a machine that also does other things: these only
// ever make a run longer, so what a quarter of all runs keeps below says most.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace kubeproof {

class Durations {
 public:
  void add(std::chrono::nanoseconds duration) { all_.push_back(duration); }

  double lower_quartile_nanoseconds() {
    if (all_.empty()) return 0;
    const auto quartile = all_.begin() + static_cast<std::ptrdiff_t>(all_.size() / 4);
    std::nth_element(all_.begin(), quartile, all_.end());
    return static_cast<double>(quartile->count());
  }

 private:
  std::vector<std::chrono::nanoseconds> all_;
};

}  // namespace kubeproof
