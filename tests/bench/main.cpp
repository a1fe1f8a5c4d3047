// Benchmarks of everything that is done for each packet or each object. Takes the options of
// google-benchmark. Exits with 77 where something could not run here.
#include <benchmark/benchmark.h>

#include <iostream>

#include "tests/bench/ratio_reporter.h"
#include "tests/bench/registration.h"
#include "tests/bench/yardstick.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  kubeproof::register_yardstick();
  kubeproof::register_programs();
  kubeproof::register_trace();
  kubeproof::register_reference();
  kubeproof::register_compared();
  kubeproof::register_import();
  kubeproof::register_cluster();
  kubeproof::RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  // What they hold leaves its network namespaces while the program still can.
  benchmark::ClearRegisteredBenchmarks();
  return reporter.skipped().empty() ? 0 : kSkipped;
}
