// What the decision trace costs: the programs as they are with nobody listening and with somebody,
// and as they would be without it (without-trace.patch), in turn for each packet, so that all three
// see the same load.
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_hooks.h"
#include "tests/bench/bench_node.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/durations.h"
#include "tests/bench/ratio_reporter.h"
#include "tests/bench/registration.h"

namespace kubeproof {
namespace {

constexpr size_t kServices = 1000;
constexpr size_t kRecordsBetweenDrains = 1000;
constexpr std::array<const char*, 3> kVariants = {", compiled out", ", off", ", on"};

struct Variants {
  static Result<Variants> create() {
    const auto configuration = bench_configuration(kServices);
    auto node = BenchNode::create(configuration);
    if (!node) return tl::unexpected(node.error());
    Variants variants{std::move(*node), {}};
    for (size_t i = 0; i < kVariants.size(); ++i) {
      std::optional<std::filesystem::path> object;
      if (i == 0) object = KUBEPROOF_OBJECT_WITHOUT_TRACE;
      auto hooks = BenchHooks::create(configuration, object);
      if (!hooks) return tl::unexpected(hooks.error());
      hooks->trace(i == 2);
      variants.hooks.push_back(std::move(*hooks));
    }
    if (auto entered = variants.node->enter(); !entered) return tl::unexpected(entered.error());
    return variants;
  }

  std::unique_ptr<BenchNode> node;
  std::vector<BenchHooks> hooks;
};

void run_established(benchmark::State& state) {
  auto variants = Variants::create();
  if (!variants) return state.SkipWithError(variants.error().message.c_str());
  const SocketAddress service = bench_service(0);
  const Bytes opening = opening_segment(bench_client(), service);
  const Bytes data = data_segment(bench_client(), service);
  for (BenchHooks& hooks : variants->hooks) {
    const auto opened = hooks.at_ingress(kBenchPod, opening);
    if (!opened || !hooks.at_ingress(kBenchUplink, opening_answer(opened->packet))) {
      return state.SkipWithError("a run failed");
    }
  }
  std::array<Durations, kVariants.size()> durations;
  size_t runs = 0;
  for ([[maybe_unused]] auto iteration : state) {
    for (size_t i = 0; i < kVariants.size(); ++i) {
      const auto ran = variants->hooks[i].at_ingress(kBenchPod, data);
      if (!ran) return state.SkipWithError(ran.error().message.c_str());
      durations[i].add(ran->duration);
    }
    if (++runs % kRecordsBetweenDrains == 0) variants->hooks.back().drain_trace();
  }
  for (size_t i = 0; i < kVariants.size(); ++i) {
    state.counters[kProgramCounter + std::string(kVariants[i])] =
        durations[i].lower_quartile_nanoseconds();
  }
}

}  // namespace

void register_trace() {
  register_benchmark("trace/ingress_established", run_established);
}

}  // namespace kubeproof
