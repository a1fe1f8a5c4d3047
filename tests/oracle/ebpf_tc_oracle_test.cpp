// The datapath's tc programs against the reference, on the same generated scenarios as the kernel's
// netfilter, as far as the datapath claims to do as kube-proxy does.
#include <cstdlib>

#include "replay/engine/ebpf_tc_engine.h"
#include "replay/engine/engine_probe.h"
#include "tests/oracle/oracle_fixture.h"

namespace kubeproof::explore {
namespace {

// What the datapath leaves to the node's own stack, or is known to treat otherwise.
constexpr TrafficKinds kCovered = {
    .sctp = false,
    .fragments = false,
    .options = false,
    .cut = false,
    .defects = false,  // it does not verify transport checksums
    .queries = false,
    .out_of_place = false,  // it does not follow TCP's windows
    .strangers = false,
};

class EbpfTcOracle : public OracleTest {
 protected:
  void SetUp() override {
    if (std::getenv("KUBEPROOF_ORACLE_DATAPATH") == nullptr) {
      GTEST_SKIP() << "the datapath is known to differ in rare cases; with "
                      "KUBEPROOF_ORACLE_DATAPATH=1 they are looked for";
    }
    const EngineProbe probe = probe_ebpf_tc();
    if (!probe.available()) GTEST_SKIP() << probe.missing.front();
  }
};

TEST_F(EbpfTcOracle, DatapathStaysWithinTheReference) {
  const RunOptions options{.seed = 1,
                           .scenarios = 24,
                           .size = {.flows = 60, .steps = 400, .cluster_states = 4},
                           .kinds = kCovered};
  EbpfTcEngines engines({.seed = options.seed});
  expect_no_failure(options, [&](const Scenario& scenario, RunFigures& figures) {
    auto engine = engines.make();
    if (!engine) return machinery_failure(scenario, engine.error());
    return play_against(scenario, **engine, Watch(), figures);
  });
}

}  // namespace
}  // namespace kubeproof::explore
