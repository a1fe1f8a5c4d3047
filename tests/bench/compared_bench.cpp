// A compared packet, whole: the engine, its reference, the comparison, the counting of the report.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "replay/engine/ebpf_engine.h"
#include "replay/engine/reference.h"
#include "replay/session/column.h"
#include "replay/session/traffic_classifier.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/last_used.h"
#include "tests/bench/registration.h"

namespace kubeproof {
namespace {

class Compared {
 public:
  static Result<std::unique_ptr<Compared>> create(size_t services) {
    auto engine = make_ebpf_engine();
    if (!engine) return tl::unexpected(engine.error());
    auto compared = std::make_unique<Compared>(bench_configuration(services), std::move(*engine));
    if (auto started = compared->column_.start(compared->configuration_); !started) {
      return tl::unexpected(started.error());
    }
    if (!compared->column_.runs()) {
      return environment_error("{}", compared->column_.report().reason);
    }
    return compared;
  }

  Compared(Configuration configuration, std::unique_ptr<Engine> engine)
      : configuration_(std::move(configuration)),
        classifier_(configuration_.world),
        column_(std::move(engine), std::make_unique<Reference>(), configuration_.world,
                classifier_) {
    classifier_.update(configuration_.cluster);
  }

  // False when the engine broke down, or did what is not permitted.
  const Fate* take(uint32_t interface, ByteView packet) {
    column_.permit({.ingress = {interface}, .packet = packet});
    const Taken* taken = column_.take(PacketSource{});
    if (taken == nullptr || taken->judged.judgement != Judgement::kAgrees) return nullptr;
    return &taken->fate;
  }

  // Ten days later, in steps as a capture's packets take them.
  void forget_flows() { column_.advance(std::chrono::hours(240)); }

 private:
  Configuration configuration_;
  TrafficClassifier classifier_;
  Column column_;
};

using SharedCompared = std::shared_ptr<LastUsed<Compared>>;
constexpr const char* kDisagrees = "the engine and the reference disagree";

// Alternately a segment of the client and one of the server, as in a conversation.
void run_established(benchmark::State& state, const SharedCompared& shared, size_t services) {
  auto compared = shared->at(services);
  if (!compared) return state.SkipWithError(compared.error().message.c_str());
  (*compared)->forget_flows();
  const SocketAddress service = bench_service(services - 1);
  const Fate* fate = (*compared)->take(kBenchPod, opening_segment(bench_client(), service));
  if (fate == nullptr || fate->dropped()) return state.SkipWithError(kDisagrees);
  const Bytes opened = (*fate)[0].packet;
  if (!(*compared)->take(kBenchUplink, opening_answer(opened))) {
    return state.SkipWithError(kDisagrees);
  }
  const Bytes sent = data_segment(bench_client(), service);
  const Bytes answered = data_answer(opened);
  bool forth = true;
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*compared)->take(forth ? kBenchPod : kBenchUplink, forth ? sent : answered)) {
      return state.SkipWithError(kDisagrees);
    }
    forth = !forth;
  }
}

void run_new_flows(benchmark::State& state, const SharedCompared& shared, size_t services) {
  constexpr size_t kFlowsBetweenCollections = 200'000;
  auto compared = shared->at(services);
  if (!compared) return state.SkipWithError(compared.error().message.c_str());
  (*compared)->forget_flows();
  NewFlows flows(bench_service(services - 1));
  size_t made = 0;
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*compared)->take(kBenchPod, flows.next())) return state.SkipWithError(kDisagrees);
    if (++made % kFlowsBetweenCollections != 0) continue;
    state.PauseTiming();
    (*compared)->forget_flows();
    state.ResumeTiming();
  }
}

void run_miss(benchmark::State& state, const SharedCompared& shared, size_t services) {
  auto compared = shared->at(services);
  if (!compared) return state.SkipWithError(compared.error().message.c_str());
  const Bytes packet = data_segment(bench_client(), bench_elsewhere());
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*compared)->take(kBenchPod, packet)) return state.SkipWithError(kDisagrees);
  }
}

}  // namespace

void register_compared() {
  const auto shared = std::make_shared<LastUsed<Compared>>();
  for (const size_t services : kServiceCounts) {
    const auto one = [=](const char* what, auto run) {
      register_benchmark(name_with_services(what, services),
                         [=](benchmark::State& state) { run(state, shared, services); });
    };
    one("compared/new_flow", run_new_flows);
    one("compared/established", run_established);
    one("compared/miss", run_miss);
  }
}

}  // namespace kubeproof
