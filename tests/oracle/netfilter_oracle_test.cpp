// kubeproof's reference against the real Linux netfilter: each fate of a packet in the kernel must
// be one that the reference permits, given the choices that the kernel made before.
#include "replay/engine/engine_probe.h"
#include "replay/engine/netfilter_engine.h"
#include "tests/oracle/oracle_fixture.h"

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

class NetfilterOracle : public OracleTest {
 protected:
  void SetUp() override {
    const EngineProbe probe = probe_netfilter();
    if (!probe.available()) GTEST_SKIP() << probe.missing.front();
  }

  void run(const PropertyOptions& options, IptablesVariant variant) {
    expect_no_failure(options, [&](const Scenario& scenario, RunFigures& figures) {
      NetfilterEngine engine(variant);
      return play_against(
          scenario, engine, [&](RunFigures&) { return nothing_was_evicted(engine); }, figures);
    });
    EXPECT_GT(figures_.packets(), 0U);
  }
};

TEST_F(NetfilterOracle, KernelStaysWithinTheReference) {
  run({.seed = 1, .scenarios = 24, .size = {.flows = 16, .steps = 400, .cluster_states = 4}},
      IptablesVariant::kLegacy);
}

}  // namespace
}  // namespace kubeproof::explore
