// The programs alone, as the kernel runs them at the hooks of a pod and of the uplink.
#include <linux/bpf.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "datapath/control/datapath.h"
#include "model/node/routing.h"
#include "replay/engine/namespace_stay.h"
#include "replay/engine/neighbours.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/test_run.h"
#include "replay/engine/tun_device.h"
#include "replay/engine/world_setup.h"
#include "replay/engine/xdp_test_run.h"
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
    LoadOptions options;
    options.xdp = true;
    auto datapath = Datapath::load(options);
    if (!datapath) return tl::unexpected(datapath.error());
    if (auto allowed = datapath->allow_xdp(kBenchUplink, true); !allowed) {
      return tl::unexpected(allowed.error());
    }
    auto met = space->run([&]() -> Result<void> {
      auto neighbours = Neighbours::create();
      if (!neighbours) return tl::unexpected(neighbours.error());
      return neighbours->know(RoutingTable(configuration.world), bench_elsewhere().address);
    });
    if (!met) return tl::unexpected(met.error());
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

  // From the uplink's link. What the program at XDP does not finish is an error.
  Result<XdpTestRun::Output> at_xdp(ByteView packet) {
    auto output = xdp_.run(packet, kBenchUplink);
    if (output && output->verdict != XDP_TX) return environment_error("XDP left a packet to tc");
    return output;
  }
  Result<XdpTestRun::Output> past_xdp(ByteView packet) { return xdp_.run(packet, kBenchUplink); }

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
        ingress_(datapath_.ingress_program(), "tc ingress"),
        xdp_(datapath_.xdp_program(), "XDP") {}

  PrivateNamespace space_;
  std::vector<TunDevice> devices_;
  NamespaceStay stay_;
  Datapath datapath_;
  TestRun ingress_;
  XdpTestRun xdp_;
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

// At XDP, for a client outside.
SocketAddress outside() {
  return *SocketAddress::parse("203.0.113.7:40000");
}

Result<Bytes> xdp_established(Hooks& hooks, const SocketAddress& service) {
  auto opened = hooks.at_xdp(opening_segment(outside(), service));
  if (!opened) return tl::unexpected(opened.error());
  if (auto done = hooks.at_xdp(opening_answer(opened->packet())); !done) {
    return tl::unexpected(done.error());
  }
  return data_segment(outside(), service);
}

Result<Bytes> xdp_reply(Hooks& hooks, const SocketAddress& service) {
  auto data = xdp_established(hooks, service);
  if (!data) return data;
  auto sent = hooks.at_xdp(*data);
  if (!sent) return tl::unexpected(sent.error());
  return data_answer(sent->packet());
}

void run_one_frame(benchmark::State& state, const SharedHooks& shared, size_t services,
                   Prepare prepare) {
  auto hooks = begin_with(shared, services);
  if (!hooks) return state.SkipWithError(hooks.error().message.c_str());
  const auto packet = prepare(**hooks, bench_service(services - 1));
  if (!packet) return state.SkipWithError(packet.error().message.c_str());
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*hooks)->at_xdp(*packet)) return state.SkipWithError("a run failed");
  }
}

void run_missed_frames(benchmark::State& state, const SharedHooks& shared, size_t services) {
  auto hooks = begin_with(shared, services);
  if (!hooks) return state.SkipWithError(hooks.error().message.c_str());
  const Bytes packet = data_segment(outside(), bench_client());
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*hooks)->past_xdp(packet)) return state.SkipWithError("a run failed");
  }
}

void run_new_flows_at_xdp(benchmark::State& state, const SharedHooks& shared, size_t services) {
  auto hooks = begin_with(shared, services);
  if (!hooks) return state.SkipWithError(hooks.error().message.c_str());
  NewFlows flows(bench_service(services - 1));
  size_t made = 0;
  for ([[maybe_unused]] auto iteration : state) {
    if (!(*hooks)->at_xdp(flows.next())) return state.SkipWithError("a run failed");
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
    register_benchmark(
        name_with_services("program/xdp_new_flow", services),
        [=](benchmark::State& state) { run_new_flows_at_xdp(state, shared, services); });
    register_benchmark(
        name_with_services("program/xdp_established", services),
        [=](benchmark::State& state) { run_one_frame(state, shared, services, xdp_established); });
    register_benchmark(
        name_with_services("program/xdp_reply", services),
        [=](benchmark::State& state) { run_one_frame(state, shared, services, xdp_reply); });
    register_benchmark(
        name_with_services("program/xdp_miss", services),
        [=](benchmark::State& state) { run_missed_frames(state, shared, services); });
  }
}

}  // namespace kubeproof
