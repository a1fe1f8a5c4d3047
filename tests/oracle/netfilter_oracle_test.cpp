// kubeproof's reference against the real Linux netfilter: each fate of a packet in the kernel must
// be one that the reference permits, given the choices that the kernel made before.
#include <fmt/format.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <array>

#include "replay/engine/engine_probe.h"
#include "replay/engine/netfilter_engine.h"
#include "tests/oracle/oracle_fixture.h"
#include "tests/oracle/rule_steps.h"

namespace kubeproof::explore {
namespace {

// Flows that the kernel evicted early or could not insert would make every later difference
// meaningless.
Result<void> nothing_was_evicted(const NetfilterEngine& engine) {
  const auto statistics = engine.statistics();
  if (!statistics) return tl::unexpected(statistics.error());
  if (statistics->early_drop == 0 && statistics->drop == 0) return {};
  return environment_error("conntrack had no room: {} flows evicted early, {} not inserted",
                           statistics->early_drop, statistics->drop);
}

std::string_view tcp_state_name(uint8_t state) {
  constexpr std::array<std::string_view, 10> kNames = {
      "none",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
  return kNames[std::min<size_t>(state, kNames.size() - 1)];
}

std::string state_of(const TrackedFlow& flow) {
  if (flow.tcp_state) return fmt::format("TCP {}", tcp_state_name(*flow.tcp_state));
  const char* name = flow.protocol == kUdp ? "UDP" : flow.protocol == kSctp ? "SCTP" : "ICMP";
  if ((flow.status & IPS_ASSURED) != 0) return fmt::format("{} assured", name);
  if ((flow.status & IPS_SEEN_REPLY) != 0) return fmt::format("{} replied", name);
  return fmt::format("{} unreplied", name);
}

Result<void> note_states(NetfilterEngine& engine, RunFigures& figures) {
  const auto flows = engine.flows();
  if (!flows) return tl::unexpected(flows.error());
  for (const TrackedFlow& flow : *flows) figures.count_state(state_of(flow));
  return {};
}

class NetfilterOracle : public OracleTest {
 protected:
  void SetUp() override {
    const EngineProbe probe = probe_netfilter();
    if (!probe.available()) GTEST_SKIP() << probe.missing.front();
  }

  void run(const RunOptions& options, IptablesVariant variant) {
    expect_no_failure(options, [&](const Scenario& scenario, RunFigures& figures) {
      NetfilterEngine engine(variant);
      const Watch watch{[&](RunFigures& to) { return note_states(engine, to); },
                        [&] { return nothing_was_evicted(engine); }};
      return play_against(scenario, engine, watch, figures);
    });
  }
};

TEST_F(NetfilterOracle, KernelStaysWithinTheReference) {
  run({.seed = 1, .scenarios = 24, .size = {.flows = 60, .steps = 400, .cluster_states = 4}},
      IptablesVariant::kLegacy);
  for (const std::string_view step : rule_steps()) {
    EXPECT_GT(figures_.rule_steps(step), 0U) << "no packet met step " << step;
  }
}

}  // namespace
}  // namespace kubeproof::explore
