// The programs alone, on one packet after the other: each new, or the same as often as it takes.
#include <functional>
#include <memory>
#include <utility>

#include "tests/bench/bench_cluster.h"
#include "tests/bench/bench_hooks.h"
#include "tests/bench/bench_node.h"
#include "tests/bench/bench_traffic.h"
#include "tests/bench/durations.h"
#include "tests/bench/last_used.h"
#include "tests/bench/ratio_reporter.h"
#include "tests/bench/registration.h"

namespace kubeproof {
namespace {

// Flows that are made before the table is emptied, outside of the measurement.
constexpr size_t kFlowsBetweenCollections = 200'000;

struct Programs {
  static Result<std::unique_ptr<Programs>> create(size_t services) {
    const auto configuration = bench_configuration(services);
    auto node = BenchNode::create(configuration);
    if (!node) return tl::unexpected(node.error());
    auto hooks = BenchHooks::create(configuration);
    if (!hooks) return tl::unexpected(hooks.error());
    return std::make_unique<Programs>(Programs{std::move(*node), std::move(*hooks)});
  }

  std::unique_ptr<BenchNode> node;
  BenchHooks hooks;
};
using SharedPrograms = std::shared_ptr<LastUsed<Programs>>;

using Took = Result<std::chrono::nanoseconds>;

template <class Output>
Took time_of(const Result<Output>& output) {
  if (!output) return tl::unexpected(output.error());
  return output->duration;
}

Took at_pod(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.at_ingress(kBenchPod, packet));
}
Took at_uplink(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.at_ingress(kBenchUplink, packet));
}
Took at_own_egress(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.at_own_egress(packet));
}
Took at_forwarded_egress(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.at_forwarded_egress(packet, 0));
}
Took at_xdp(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.at_xdp(packet));
}
Took past_xdp(BenchHooks& hooks, ByteView packet) {
  return time_of(hooks.past_xdp(packet));
}

// A client outside, for XDP.
SocketAddress outside() {
  return *SocketAddress::parse("203.0.113.7:40000");
}

Result<Bytes> established(BenchHooks& hooks, const SocketAddress& service) {
  auto opened = hooks.at_ingress(kBenchPod, opening_segment(bench_client(), service));
  if (!opened) return tl::unexpected(opened.error());
  auto answered = hooks.at_ingress(kBenchUplink, opening_answer(opened->packet));
  if (!answered) return tl::unexpected(answered.error());
  return data_segment(bench_client(), service);
}

Result<Bytes> reply(BenchHooks& hooks, const SocketAddress& service) {
  auto data = established(hooks, service);
  if (!data) return data;
  auto sent = hooks.at_ingress(kBenchPod, *data);
  if (!sent) return tl::unexpected(sent.error());
  return data_answer(sent->packet);
}

// The same between the hooks.
Result<Bytes> forwarded_reply(BenchHooks& hooks, const SocketAddress& service) {
  auto answer = reply(hooks, service);
  if (!answer) return answer;
  auto passed = hooks.at_ingress(kBenchUplink, *answer);
  if (!passed) return tl::unexpected(passed.error());
  return Bytes(passed->packet.begin(), passed->packet.end());
}

Result<Bytes> established_by_node(BenchHooks& hooks, const SocketAddress& service) {
  auto opened = hooks.at_own_egress(opening_segment(bench_client(), service));
  if (!opened) return tl::unexpected(opened.error());
  auto answered = hooks.at_ingress(kBenchUplink, opening_answer(opened->packet));
  if (!answered) return tl::unexpected(answered.error());
  return data_segment(bench_client(), service);
}

Result<Bytes> established_at_xdp(BenchHooks& hooks, const SocketAddress& service) {
  auto opened = hooks.at_xdp(opening_segment(outside(), service));
  if (!opened) return tl::unexpected(opened.error());
  auto answered = hooks.at_xdp(opening_answer(opened->packet()));
  if (!answered) return tl::unexpected(answered.error());
  return data_segment(outside(), service);
}

Result<Bytes> reply_at_xdp(BenchHooks& hooks, const SocketAddress& service) {
  auto data = established_at_xdp(hooks, service);
  if (!data) return data;
  auto sent = hooks.at_xdp(*data);
  if (!sent) return tl::unexpected(sent.error());
  return data_answer(sent->packet());
}

Result<Bytes> miss(BenchHooks&, const SocketAddress&) {
  return data_segment(bench_client(), bench_elsewhere());
}

Result<Bytes> miss_at_xdp(BenchHooks&, const SocketAddress&) {
  return data_segment(outside(), bench_client());
}

using Run = Took (*)(BenchHooks&, ByteView packet);
using Prepare = Result<Bytes> (*)(BenchHooks&, const SocketAddress& service);

Result<Programs*> begin_with(const SharedPrograms& shared, size_t services) {
  auto programs = shared->at(services);
  if (!programs) return programs;
  if (auto entered = (*programs)->node->enter(); !entered) return tl::unexpected(entered.error());
  (*programs)->hooks.forget_flows();
  return programs;
}

// The same packet again and again: one of a flow that `prepare` has begun.
void run_same(benchmark::State& state, const SharedPrograms& shared, size_t services,
              Prepare prepare, Run run) {
  auto programs = begin_with(shared, services);
  if (!programs) return state.SkipWithError(programs.error().message.c_str());
  BenchHooks& hooks = (*programs)->hooks;
  const auto packet = prepare(hooks, bench_service(services - 1));
  if (!packet) return state.SkipWithError(packet.error().message.c_str());
  Durations durations;
  for ([[maybe_unused]] auto iteration : state) {
    const Took took = run(hooks, *packet);
    if (!took) return state.SkipWithError(took.error().message.c_str());
    durations.add(*took);
  }
  state.counters[kProgramCounter] = durations.lower_quartile_nanoseconds();
}

// A flow each.
void run_new(benchmark::State& state, const SharedPrograms& shared, size_t services,
             const SocketAddress& server, Run run) {
  auto programs = begin_with(shared, services);
  if (!programs) return state.SkipWithError(programs.error().message.c_str());
  BenchHooks& hooks = (*programs)->hooks;
  NewFlows flows(server);
  Durations durations;
  size_t made = 0;
  for ([[maybe_unused]] auto iteration : state) {
    const Took took = run(hooks, flows.next());
    if (!took) return state.SkipWithError(took.error().message.c_str());
    durations.add(*took);
    if (++made % kFlowsBetweenCollections != 0) continue;
    state.PauseTiming();
    hooks.forget_flows();
    state.ResumeTiming();
  }
  state.counters[kProgramCounter] = durations.lower_quartile_nanoseconds();
}

}  // namespace

void register_programs() {
  const auto shared = std::make_shared<LastUsed<Programs>>();
  for (const size_t services : kProgramServiceCounts) {
    const auto same = [=](const char* what, Prepare prepare, Run run) {
      register_benchmark(name_with_services(what, services), [=](benchmark::State& state) {
        run_same(state, shared, services, prepare, run);
      });
    };
    const auto each_new = [=](const char* what, const SocketAddress& server, Run run) {
      register_benchmark(name_with_services(what, services), [=](benchmark::State& state) {
        run_new(state, shared, services, server, run);
      });
    };
    const SocketAddress service = bench_service(services - 1);
    each_new("program/ingress_new_flow", service, at_pod);
    same("program/ingress_established", established, at_pod);
    same("program/ingress_reply", reply, at_uplink);
    each_new("program/ingress_new_miss", bench_elsewhere(), at_pod);
    same("program/ingress_miss", miss, at_pod);
    each_new("program/egress_new_flow", service, at_own_egress);
    same("program/egress_established", established_by_node, at_own_egress);
    same("program/egress_reply", forwarded_reply, at_forwarded_egress);
    each_new("program/egress_new_miss", bench_elsewhere(), at_own_egress);
    same("program/egress_miss", miss, at_forwarded_egress);
    each_new("program/xdp_new_flow", service, at_xdp);
    same("program/xdp_established", established_at_xdp, at_xdp);
    same("program/xdp_reply", reply_at_xdp, at_xdp);
    same("program/xdp_miss", miss_at_xdp, past_xdp);
  }
}

}  // namespace kubeproof
