#include "tests/bench/bench_hooks.h"

#include <linux/bpf.h>

#include <utility>

#include "replay/engine/trace_text.h"
#include "tests/bench/bench_cluster.h"

namespace kubeproof {

BenchHooks::BenchHooks(Datapath datapath)
    : datapath_(std::move(datapath)),
      ingress_(datapath_.ingress_program(), "tc ingress"),
      egress_(datapath_.egress_program(), "tc egress"),
      xdp_(datapath_.xdp_program(), "XDP") {}

Result<BenchHooks> BenchHooks::create(const Configuration& configuration,
                                      std::optional<std::filesystem::path> object_file) {
  LoadOptions options;
  options.xdp = true;
  options.object_file = std::move(object_file);
  auto datapath = Datapath::load(options);
  if (!datapath) return tl::unexpected(datapath.error());
  if (auto allowed = datapath->allow_xdp(kBenchUplink, true); !allowed) {
    return tl::unexpected(allowed.error());
  }
  auto programmed =
      datapath->program(configuration.world, configuration.cluster, configuration.proxy);
  if (!programmed) return tl::unexpected(programmed.error());
  return BenchHooks(std::move(*datapath));
}

Result<TestRun::Output> BenchHooks::at_ingress(uint32_t interface, ByteView packet) {
  return ingress_.run(packet, {.interface = interface, .ingress = interface});
}

Result<TestRun::Output> BenchHooks::at_own_egress(ByteView packet) {
  return egress_.run(packet, {.interface = kBenchUplink});
}

Result<TestRun::Output> BenchHooks::at_forwarded_egress(ByteView packet, uint32_t mark) {
  return egress_.run(packet, {.interface = kBenchPod, .ingress = kBenchUplink, .mark = mark});
}

Result<XdpTestRun::Output> BenchHooks::at_xdp(ByteView packet) {
  auto output = xdp_.run(packet, kBenchUplink);
  if (output && output->verdict != XDP_TX) return why_not_at_xdp(packet);
  return output;
}

tl::unexpected<Error> BenchHooks::why_not_at_xdp(ByteView packet) {
  std::string_view reason = "of no record";
  drain_trace();
  trace(true);
  const auto again = xdp_.run(packet, kBenchUplink);
  trace(false);
  datapath_.drain_trace([&](const abi::trace_record& record) {
    reason = reason_text(static_cast<abi::reason>(record.reason));
  });
  return environment_error("XDP did not send a packet on: {}",
                           again ? reason : std::string_view(again.error().message));
}

Result<XdpTestRun::Output> BenchHooks::past_xdp(ByteView packet) {
  return xdp_.run(packet, kBenchUplink);
}

void BenchHooks::forget_flows() {
  now_ += std::chrono::hours(240);
  datapath_.set_clock(0, static_cast<uint64_t>(now_.count()));
  datapath_.collect_garbage();
}

void BenchHooks::drain_trace() {
  datapath_.drain_trace([](const abi::trace_record&) {});
}

}  // namespace kubeproof
