// A source of choices that its seed reproduces, on every machine (SplitMix64).
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace kubeproof::explore {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    state_ += 0x9e3779b97f4a7c15ULL;
    uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9ULL;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebULL;
    return mixed ^ (mixed >> 31);
  }

  // 0 to `bound` - 1; `bound` is not zero.
  size_t below(size_t bound) { return static_cast<size_t>(next() % bound); }
  size_t between(size_t first, size_t last) { return first + below(last - first + 1); }
  bool percent(unsigned chance) { return below(100) < chance; }

  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return from.begin()[below(from.size())];
  }

 private:
  uint64_t state_;
};

}  // namespace kubeproof::explore
