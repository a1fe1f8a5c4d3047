// The programs as the kernel runs them at the hooks of a pod, of the uplink, and of the node's own.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>

#include "datapath/control/datapath.h"
#include "model/packet/bytes.h"
#include "model/result.h"
#include "replay/engine/engine.h"
#include "replay/engine/test_run.h"
#include "replay/engine/xdp_test_run.h"

namespace kubeproof {

class BenchHooks {
 public:
  // `object_file` in place of the built-in programs.
  static Result<BenchHooks> create(const Configuration& configuration,
                                   std::optional<std::filesystem::path> object_file = {});

  Result<TestRun::Output> at_ingress(uint32_t interface, ByteView packet);
  // Made by the node.
  Result<TestRun::Output> at_own_egress(ByteView packet);
  // From the uplink, on its way to the pod; `mark` is what ingress left.
  Result<TestRun::Output> at_forwarded_egress(ByteView packet, uint32_t mark);
  // From the uplink's link. What the program at XDP does not finish is an error.
  Result<XdpTestRun::Output> at_xdp(ByteView packet);
  Result<XdpTestRun::Output> past_xdp(ByteView packet);

  // All of them are over ten days later.
  void forget_flows();
  void trace(bool on) { datapath_.trace(on); }
  // Throws away what was recorded.
  void drain_trace();

 private:
  explicit BenchHooks(Datapath datapath);
  // By the decision trace of another run.
  tl::unexpected<Error> why_not_at_xdp(ByteView packet);

  Datapath datapath_;
  TestRun ingress_;
  TestRun egress_;
  XdpTestRun xdp_;
  std::chrono::nanoseconds now_{};
};

}  // namespace kubeproof
