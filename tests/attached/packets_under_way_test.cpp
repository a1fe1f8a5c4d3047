// Packets that are on their way through a program while control changes what it goes by.
#include <gtest/gtest.h>

#include <chrono>
#include <optional>

#include "tests/attached/attached_node.h"
#include "tests/attached/slow_run.h"

namespace kubeproof::attached {
namespace {

constexpr uint32_t kLoopback = 1;

class AttachedPacketsUnderWay : public AttachedNode {
 protected:
  void SetUp() override {
    AttachedNode::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    auto loaded = SlowRun::load();
    if (!loaded) GTEST_SKIP() << loaded.error().message;
    packet_.emplace(std::move(*loaded));
  }

  SlowRun& packet() { return *packet_; }
  // Of the next update: it goes by what there was before that.
  void begin_at_first_write() {
    datapath().observe_writes([this, begun = false]() mutable {
      if (!begun) packet_->begin();
      begun = true;
    });
  }

 private:
  std::optional<SlowRun> packet_;
};

TEST_F(AttachedPacketsUnderWay, AreAwaitedBeforeWhatTheyGoByIsWrittenOver) {
  begin_at_first_write();
  ProxyConfig proxy = proxy_config();
  proxy.masquerade_all = true;
  ASSERT_TRUE(program(proxy));
  bool seen = false;
  datapath().observe_writes([&] {
    EXPECT_TRUE(packet().is_over());
    seen = true;
  });
  ASSERT_TRUE(datapath().allow_xdp(kLoopback, true));
  EXPECT_TRUE(seen);
  ASSERT_TRUE(datapath().allow_xdp(kLoopback, false));
}

// They may enter one to an endpoint that is gone.
TEST_F(AttachedPacketsUnderWay, AreAwaitedBeforeUdpFlowsAreSweptAway) {
  begin_at_first_write();
  ASSERT_TRUE(program_without_endpoints());
  EXPECT_TRUE(packet().is_over());
}

TEST_F(AttachedPacketsUnderWay, AreAwaitedWhereTheLastIsDetached) {
  ASSERT_TRUE(detach());
  // To take away a qdisc of ours would take the kernel as long.
  ASSERT_TRUE(run_inside(network().node(), {"tc", "qdisc", "add", "dev", "lo", "clsact"}));
  ASSERT_TRUE(network().node().run([&] { return datapath().attach(kLoopback); }));
  packet().begin();
  ASSERT_TRUE(datapath().detach(kLoopback));
  EXPECT_TRUE(packet().is_over());
  ASSERT_TRUE(attach());
}

}  // namespace
}  // namespace kubeproof::attached
