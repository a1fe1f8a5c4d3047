// The reference alone: what is permitted for a packet, and committing to the first of it.
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "replay/engine/reference.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/last_used.h"
#include "tests/bench/registration.h"

namespace kubeproof {
namespace {

// Flows that are made before they are given time to end: about as many are in the table.
constexpr size_t kSomeFlows = 1'000;    // as a case or a short capture has
constexpr size_t kManyFlows = 200'000;  // no processor's nearest cache holds so many

class Followed {
 public:
  static Result<std::unique_ptr<Followed>> create(size_t services) {
    auto followed = std::make_unique<Followed>();
    auto programmed = followed->reference_.program(bench_configuration(services));
    if (!programmed) return tl::unexpected(programmed.error());
    return followed;
  }

  // Takes the first of what is permitted.
  void take(uint32_t interface, ByteView packet) {
    const auto outcomes = reference_.evaluate({.ingress = {interface}, .packet = packet});
    match_.ports.resize(outcomes.front().emissions.size());
    benchmark::DoNotOptimize(reference_.commit({&match_, 1}));
  }

  // Nothing is as it was ten days ago.
  void forget_flows() { reference_.advance(std::chrono::hours(240)); }

  // The emission of what is taken first.
  Bytes take_and_show(uint32_t interface, ByteView packet) {
    const auto outcomes = reference_.evaluate({.ingress = {interface}, .packet = packet});
    const Bytes emission = outcomes.front().emissions.front().packet;
    take(interface, packet);
    return emission;
  }

 private:
  Reference reference_;
  OutcomeMatch match_;
};

using SharedFollowed = std::shared_ptr<LastUsed<Followed>>;

void run_established(benchmark::State& state, const SharedFollowed& shared, size_t services) {
  auto followed = shared->at(services);
  if (!followed) return state.SkipWithError(followed.error().message.c_str());
  (*followed)->forget_flows();
  const SocketAddress service = bench_service(services - 1);
  const Bytes sent =
      (*followed)->take_and_show(kBenchPod, opening_segment(bench_client(), service));
  (*followed)->take(kBenchUplink, opening_answer(sent));
  const Bytes packet = data_segment(bench_client(), service);
  for ([[maybe_unused]] auto iteration : state) (*followed)->take(kBenchPod, packet);
}

void run_new_flows(benchmark::State& state, const SharedFollowed& shared, size_t services,
                   size_t most_flows) {
  auto followed = shared->at(services);
  if (!followed) return state.SkipWithError(followed.error().message.c_str());
  (*followed)->forget_flows();
  NewFlows flows(bench_service(services - 1));
  size_t made = 0;
  for ([[maybe_unused]] auto iteration : state) {
    (*followed)->take(kBenchPod, flows.next());
    if (++made % most_flows == 0) (*followed)->forget_flows();
  }
}

void run_miss(benchmark::State& state, const SharedFollowed& shared, size_t services) {
  auto followed = shared->at(services);
  if (!followed) return state.SkipWithError(followed.error().message.c_str());
  const Bytes packet = data_segment(bench_client(), bench_elsewhere());
  for ([[maybe_unused]] auto iteration : state) (*followed)->take(kBenchPod, packet);
}

}  // namespace

void register_reference() {
  const auto shared = std::make_shared<LastUsed<Followed>>();
  for (const size_t services : kServiceCounts) {
    const auto one = [=](const char* what, auto run) {
      register_benchmark(name_with_services(what, services),
                         [=](benchmark::State& state) { run(state, shared, services); });
    };
    const auto new_flows = [](size_t most_flows) {
      return [=](benchmark::State& state, const SharedFollowed& followed, size_t count) {
        run_new_flows(state, followed, count, most_flows);
      };
    };
    one("reference/new_flow", new_flows(kSomeFlows));
    one("reference/new_flow_among_many", new_flows(kManyFlows));
    one("reference/established", run_established);
    one("reference/miss", run_miss);
  }
}

}  // namespace kubeproof
