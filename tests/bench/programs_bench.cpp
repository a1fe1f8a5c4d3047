// The programs alone, as the kernel runs them at the hooks of a pod and of the uplink.
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "datapath/control/datapath.h"
#include "replay/engine/namespace_stay.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/test_run.h"
#include "replay/engine/tun_device.h"
#include "replay/engine/world_setup.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/last_used.h"
#include "tests/bench/registration.h"

namespace kubeproof {
namespace {

// Flows that are made before the table is emptied, outside of the measurement.
constexpr size_t kFlowsBetweenCollections = 200'000;

class Hooks {
 public:
  static Result<std::unique_ptr<Hooks>> create(size_t services) {
    auto configuration = bench_configuration(services);
    auto space = PrivateNamespace::create();
    if (!space) return tl::unexpected(space.error());
    auto devices = space->run([&] { return set_up_world(configuration.world); });
    if (!devices) return tl::unexpected(devices.error());
    auto datapath = Datapath::load();
    if (!datapath) return tl::unexpected(datapath.error());
    auto programmed =
        datapath->program(configuration.world, configuration.cluster, configuration.proxy);
    if (!programmed) return tl::unexpected(programmed.error());
    return std::unique_ptr<Hooks>(
        new Hooks(std::move(*space), std::move(*devices), std::move(*datapath)));
  }

  // For another measurement: in the namespace, without flows.
  Result<void> begin() {
    if (auto entered = stay_.enter(); !entered) return entered;
    return forget_flows();
  }

  Result<TestRun::Output> at_ingress(uint32_t interface, ByteView packet) {
    return ingress_.run(packet, {.interface = interface, .ingress = interface});
  }

  // All of them are over ten days later.
  Result<void> forget_flows() {
    now_ += std::chrono::hours(240);
    datapath_.set_clock(0, static_cast<uint64_t>(now_.count()));
    datapath_.collect_garbage();
    return {};
  }

 private:
  Hooks(PrivateNamespace space, std::vector<TunDevice> devices, Datapath datapath)
      : space_(std::move(space)),
        devices_(std::move(devices)),
        stay_(space_),
        datapath_(std::move(datapath)),
        ingress_(datapath_.ingress_program(), "tc ingress") {}

  PrivateNamespace space_;
  std::vector<TunDevice> devices_;
  NamespaceStay stay_;
  Datapath datapath_;
  TestRun ingress_;
  std::chrono::nanoseconds now_{};
};

using Prepare = Result<Bytes> (*)(Hooks&, const SocketAddress& service);

Result<Bytes> established(Hooks& hooks, const SocketAddress& service) {
  auto opened = hooks.at_ingress(kBenchPod, opening_segment(bench_client(), service));
  if (!opened) return tl::unexpected(opened.error());
  const Bytes answer = opening_answer(opened->packet);
  if (auto done = hooks.at_ingress(kBenchUplink, answer); !done) {
    return tl::unexpected(done.error());
  }
  return data_segment(bench_client(), service);
}

Result<Bytes> reply(Hooks& hooks, const SocketAddress& service) {
  auto data = established(hooks, service);
  if (!data) return data;
  auto sent = hooks.at_ingress(kBenchPod, *data);
  if (!sent) return tl::unexpected(sent.error());
  return data_answer(sent->packet);
}

Result<Bytes> miss(Hooks&, const SocketAddress&) {
  return data_segment(bench_client(), bench_elsewhere());
}

using SharedHooks = std::shared_ptr<LastUsed<Hooks>>;

Result<Hooks*> begin_with(const SharedHooks& shared, size_t services) {
  auto hooks = shared->at(services);
  if (!hooks) return hooks;
  if (auto begun = (*hooks)->begin(); !begun) return tl::unexpected(begun.error());
  return hooks;
}

void run_one_packet(benchmark::State& state, const SharedHooks& shared, size_t services,
                    uint32_t interface, Prepare prepare) {
  auto hooks = begin_with(shared, services);
  if (!hooks) return state.SkipWithError(hooks.error().message.c_str());
  const auto packet = prepare(**hooks, bench_service(services - 1));
  if (!packet) return state.SkipWithError(packet.error().message.c_str());
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*hooks)->at_ingress(interface, *packet)) return state.SkipWithError("a run failed");
  }
}

void run_new_flows(benchmark::State& state, const SharedHooks& shared, size_t services) {
  auto hooks = begin_with(shared, services);
  if (!hooks) return state.SkipWithError(hooks.error().message.c_str());
  NewFlows flows(bench_service(services - 1));
  size_t made = 0;
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*hooks)->at_ingress(kBenchPod, flows.next())) return state.SkipWithError("a run failed");
    if (++made % kFlowsBetweenCollections != 0) continue;
    state.PauseTiming();
    if (!(*hooks)->forget_flows()) return state.SkipWithError("flows cannot be collected");
    state.ResumeTiming();
  }
}

}  // namespace

void register_programs() {
  const auto shared = std::make_shared<LastUsed<Hooks>>();
  for (const size_t services : kServiceCounts) {
    const auto one = [=](const char* what, uint32_t interface, Prepare prepare) {
      register_benchmark(name_with_services(what, services), [=](benchmark::State& state) {
        run_one_packet(state, shared, services, interface, prepare);
      });
    };
    register_benchmark(name_with_services("program/new_flow", services),
                       [=](benchmark::State& state) { run_new_flows(state, shared, services); });
    one("program/established", kBenchPod, established);
    one("program/reply", kBenchUplink, reply);
    one("program/miss", kBenchPod, miss);
  }
}

}  // namespace kubeproof
