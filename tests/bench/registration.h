// How benchmarks are named and registered: "what/COUNT_services".
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace kubeproof {

// Cost must not grow from one to the next.
constexpr std::array<size_t, 3> kServiceCounts = {10, 1'000, 50'000};
// For the programs, to which a service is an entry of a map and no more.
constexpr std::array<size_t, 3> kProgramServiceCounts = {1, 1'000, 100'000};

template <class Function>
benchmark::internal::Benchmark* register_benchmark(const std::string& name, Function&& function) {
  return benchmark::RegisterBenchmark(name.c_str(), std::forward<Function>(function));
}

inline std::string name_with_services(std::string_view what, size_t services) {
  return fmt::format("{}/{}_services", what, services);
}

void register_programs();
void register_trace();
void register_reference();
void register_compared();
void register_import();
void register_cluster();

}  // namespace kubeproof
