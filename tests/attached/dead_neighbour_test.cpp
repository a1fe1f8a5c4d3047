// An endpoint that nobody answers for on its link: the stack tells the process that has sent
// something there, though it knows only where the programs have sent it.
#include <cerrno>

#include "replay/engine/sysctl.h"
#include "tests/attached/attached_node.h"

namespace kubeproof::attached {
namespace {

class AttachedDeadNeighbour : public AttachedNode, public testing::WithParamInterface<Family> {
 protected:
  void SetUp() override {
    AttachedNode::SetUp();
    run_inside(network().pod1(), {"ip", "address", "flush", "dev", "eth0"}).value();
    run_inside(network().node(), {"ip", "neigh", "flush", "dev", "pod1"}).value();
    const auto hasten = network().node().run([]() -> Result<void> {
      if (auto set = write_sysctl("ipv4/neigh/pod1/retrans_time_ms", "100"); !set) return set;
      return write_sysctl("ipv6/neigh/pod1/retrans_time_ms", "100");
    });
    ASSERT_TRUE(hasten) << hasten.error().message;
  }
};

TEST_P(AttachedDeadNeighbour, IsToldToAProcess) {
  for (const SocketAddress& server :
       {cluster_ip(Backend::kOnPod, GetParam()), node_port(Backend::kOnPod, GetParam())}) {
    EXPECT_EQ(exchange_stream(client(Origin::kNode, GetParam()), server, 1).error, EHOSTUNREACH)
        << server.to_string();
  }
}

INSTANTIATE_TEST_SUITE_P(, AttachedDeadNeighbour, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::attached
