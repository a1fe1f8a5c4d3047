// kubeproof's reference against the real Linux netfilter: each fate of a packet in the kernel must
// be one that the reference permits, given the choices that the kernel made before.
#include <fmt/format.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <array>

#include "replay/engine/engine_probe.h"
#include "replay/engine/netfilter_engine.h"
#include "replay/fuzz/rule_steps.h"
#include "tests/oracle/oracle_fixture.h"

namespace kubeproof::explore {
namespace {

// Flows that the kernel evicted early or could not insert would make every later difference
// meaningless.
Result<void> nothing_was_evicted(const NetfilterEngine& engine) {
  const auto statistics = engine.statistics();
  if (!statistics) return tl::unexpected(statistics.error());
  if (statistics->early_drop == 0 && statistics->drop == 0 && statistics->insert_failed == 0) {
    return {};
  }
  return environment_error("conntrack: {} flows evicted early, {} without room, {} not inserted",
                           statistics->early_drop, statistics->drop, statistics->insert_failed);
}

std::string_view tcp_state_name(uint8_t state) {
  constexpr std::array<std::string_view, 10> kNames = {
      "none",       "SYN_SENT", "SYN_RECV",  "ESTABLISHED", "FIN_WAIT",
      "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT", "CLOSE",       "SYN_SENT2"};
  return kNames[std::min<size_t>(state, kNames.size() - 1)];
}

std::string_view sctp_state_name(uint8_t state) {
  constexpr std::array<std::string_view, 9> kNames = {
      "none",          "CLOSED",        "COOKIE_WAIT",       "COOKIE_ECHOED", "ESTABLISHED",
      "SHUTDOWN_SENT", "SHUTDOWN_RECD", "SHUTDOWN_ACK_SENT", "HEARTBEAT_SENT"};
  return kNames[std::min<size_t>(state, kNames.size() - 1)];
}

std::string state_of(const TrackedFlow& flow) {
  if (flow.tcp_state) return fmt::format("TCP {}", tcp_state_name(*flow.tcp_state));
  if (flow.sctp_state) return fmt::format("SCTP {}", sctp_state_name(*flow.sctp_state));
  const char* name = flow.protocol == kUdp ? "UDP" : "ICMP";
  if ((flow.status & IPS_SEEN_REPLY) != 0) return fmt::format("{} replied", name);
  return fmt::format("{} unreplied", name);
}

Result<void> note_states(NetfilterEngine& engine, RunFigures& figures) {
  const auto flows = engine.flows();
  if (!flows) return tl::unexpected(flows.error());
  for (const TrackedFlow& flow : *flows) figures.count_state(state_of(flow));
  return {};
}

constexpr ScenarioSize kSize = {.flows = 150, .steps = 3000, .cluster_states = 6};
constexpr uint64_t kPacketsThatReachEverything = 5'000'000;

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
      return play_against(scenario, engine, Ledger({}), {watch, &figures});
    });
    // Damage makes a packet one of a protocol that is_tracked_otherwise() now and then.
    EXPECT_LE(figures_.undecided() * 1000, figures_.packets());
  }
};

TEST_F(NetfilterOracle, KernelStaysWithinTheReference) {
  run({.seed = 1, .scenarios = 60, .size = kSize}, IptablesVariant::kLegacy);
  for (const std::string_view step : rule_steps()) {
    EXPECT_GT(figures_.rule_steps()[step], 0U) << "no packet met step " << step;
  }
  // A short run cannot come by everything.
  if (figures_.packets() < kPacketsThatReachEverything) return;
  for (const std::string& missed : figures_.never()) ADD_FAILURE() << missed << " never came up";
}

// The rules of every release that is modelled: a match on bridge ports in 1.20, marks for drop up
// to 1.24, and the cleanup of UDP flows in each way that there is.
TEST_F(NetfilterOracle, KernelStaysWithinTheReferenceInEveryRelease) {
  run({.seed = 3,
       .scenarios = 36,
       .size = {.flows = 60,
                .steps = 400,
                .cluster_states = 4,
                .releases = {.oldest = 20, .newest = 37}}},
      IptablesVariant::kLegacy);
}

TEST_F(NetfilterOracle, KernelWithNftTablesStaysWithinTheReference) {
  // Of a transport header that is cut short, xt_tcpudp.c drops the packet, while the expressions
  // of nf_tables that iptables-nft writes in its place match nothing and let it go on.
  run({.seed = 2, .scenarios = 6, .size = kSize, .kinds = {.cut = false, .damage = false}},
      IptablesVariant::kNft);
}

}  // namespace
}  // namespace kubeproof::explore
