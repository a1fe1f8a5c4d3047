// XDP on the uplink, in the driver and generically, with tc behind it: conversations between others
// that only pass through the node never reach tc, and all else works as without it.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "replay/engine/file_descriptor.h"
#include "tests/attached/attached_node.h"
#include "tests/unit/datapath/loaded_once.h"

namespace kubeproof::attached {
namespace {

// An offload of eth0 in the namespace of the calling thread; ETHTOOL_S….
Result<void> set_offload(uint32_t which, bool on) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ethtool_value value{.cmd = which, .data = on ? 1U : 0U};
  ifreq request{};
  std::strcpy(request.ifr_name, "eth0");
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (ioctl(socket.get(), SIOCETHTOOL, &request) != 0) {
    return environment_error("cannot set an offload of eth0: {}", std::strerror(errno));
  }
  return {};
}

// A veth's other end takes frames from XDP where it has a program there itself: one that passes
// all.
Result<void> take_frames() {
  constexpr std::array kPass = {bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS},
                                bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0}};
  const FileDescriptor program(
      bpf_prog_load(BPF_PROG_TYPE_XDP, "pass", "GPL", kPass.data(), kPass.size(), nullptr));
  const int error = bpf_xdp_attach(static_cast<int>(if_nametoindex("eth0")), program.get(),
                                   XDP_FLAGS_DRV_MODE, nullptr);
  if (error != 0) return environment_error("XDP of the other end: {}", std::strerror(-error));
  return {};
}

class AttachedXdp : public AttachedNode,
                    public testing::WithParamInterface<std::tuple<XdpMode, Family>> {
 protected:
  AttachedXdp() : AttachedNode(true) {}

  void SetUp() override {
    AttachedNode::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto set = network().outside().run([]() -> Result<void> {
      // As packets come from a wire: their checksums computed.
      if (auto done = set_offload(ETHTOOL_STXCSUM, false); !done) return done;
      return take_frames();
    });
    ASSERT_TRUE(set) << set.error().message;
    const auto mode = attach_xdp();
    ASSERT_TRUE(mode) << mode.error().message;
    EXPECT_EQ(*mode, std::get<XdpMode>(GetParam()));
  }

  Result<XdpMode> attach_xdp() {
    return network().node().run([&] {
      return datapath().attach_xdp(if_nametoindex("eth0"),
                                   std::get<XdpMode>(GetParam()) == XdpMode::kNative);
    });
  }

  void expect_conversation(const SocketAddress& server, size_t bytes, const IpAddress& seen_as) {
    const Client from = client(Origin::kOutside, std::get<Family>(GetParam()));
    const Exchange stream = exchange_stream(from, server, bytes);
    EXPECT_EQ(stream.failed_at, "") << "TCP to " << server.to_string();
    EXPECT_EQ(stream.seen_as, seen_as) << "TCP to " << server.to_string();
    const Exchange datagram = exchange_datagram(from, server, 700);
    EXPECT_EQ(datagram.failed_at, "") << "UDP to " << server.to_string();
    EXPECT_EQ(datagram.seen_as, seen_as) << "UDP to " << server.to_string();
  }
};

TEST_P(AttachedXdp, ConversationsBetweenOthersNeverReachTc) {
  const Family family = std::get<Family>(GetParam());
  const IpAddress node = node_address(family);
  // The first packet finds the next hop, by way of the stack.
  expect_conversation(node_port(Backend::kFar, family), 1, node);

  datapath().trace(true);
  expect_conversation(node_port(Backend::kFar, family), 5000, node);
  expect_conversation(cluster_ip(Backend::kFar, family), 5000, node);
  datapath().trace(false);
  std::map<std::pair<int, int>, int> counts;  // by program and reason, of services' flows
  datapath().drain_trace([&](const abi::trace_record& record) {
    if (record.reason >= abi::REASON_NEW_FLOW) ++counts[{record.program, record.reason}];
  });
  EXPECT_EQ((counts[{abi::PROGRAM_XDP, abi::REASON_NEW_FLOW}]), 4);
  EXPECT_GE((counts[{abi::PROGRAM_XDP, abi::REASON_ORIGINAL}]), 6);
  EXPECT_GE((counts[{abi::PROGRAM_XDP, abi::REASON_REPLY}]), 6);
  for (const auto& [key, count] : counts) {
    EXPECT_EQ(key.first, abi::PROGRAM_XDP) << count << " times, reason " << key.second;
  }
}

TEST_P(AttachedXdp, LongStreamsPass) {
  const Family family = std::get<Family>(GetParam());
  expect_conversation(node_port(Backend::kFar, family), 1 << 20, node_address(family));
}

TEST_P(AttachedXdp, EndpointsOnTheNodeAreServedByTc) {
  const Family family = std::get<Family>(GetParam());
  expect_conversation(node_port(Backend::kOnPod, family), 1 << 20, node_address(family));
  const Client from = client(Origin::kOutside, family);
  EXPECT_EQ(exchange_stream(from, node_port(Backend::kNone, family), 1).error, ECONNREFUSED);
}

TEST_P(AttachedXdp, PodsReachEndpointsElsewhere) {
  const Family family = std::get<Family>(GetParam());
  const Client from = client(Origin::kPod2, family);
  const Exchange stream = exchange_stream(from, cluster_ip(Backend::kFar, family), 1 << 20);
  EXPECT_EQ(stream.failed_at, "");
  EXPECT_EQ(stream.seen_as, from.address);
}

TEST_P(AttachedXdp, LeavesNothing) {
  EXPECT_NE(traces(), traces_before());
  ASSERT_TRUE(detach());
  EXPECT_EQ(traces(), traces_before());
}

TEST_P(AttachedXdp, IsDetachedThoughTheOthersCannotBeTold) {
  // So that what is to be said was said in neither generation.
  constexpr uint32_t kLoopback = 1;
  ASSERT_TRUE(datapath().allow_xdp(kLoopback, true));
  const FileDescriptor interfaces(map_of(datapath(), "interfaces"));
  ASSERT_EQ(bpf_map_freeze(interfaces.get()), 0);
  const auto told = datapath().detach(
      network().node().run([]() -> Result<uint32_t> { return if_nametoindex("eth0"); }).value());
  ASSERT_FALSE(told);
  EXPECT_NE(told.error().message.find("'interfaces'"), std::string::npos) << told.error().message;
  const std::string link =
      run_inside(network().node(), {"ip", "link", "show", "dev", "eth0"}).value() +
      run_inside(network().node(), {"tc", "qdisc", "show", "dev", "eth0"}).value();
  EXPECT_EQ(link.find("xdp"), std::string::npos) << link;
  EXPECT_EQ(link.find("clsact"), std::string::npos) << link;
  remove_datapath();
}

TEST_P(AttachedXdp, IsRefusedWhereAnotherProgramIs) {
  const auto again = attach_xdp();
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("another program is at XDP"), std::string::npos)
      << again.error().message;
}

TEST_P(AttachedXdp, IsForEthernetWithTcBehindIt) {
  const auto bare =
      network().node().run([&] { return datapath().attach_xdp(if_nametoindex("overlay")); });
  ASSERT_FALSE(bare);
  EXPECT_NE(bare.error().message.find("Ethernet"), std::string::npos) << bare.error().message;
  ASSERT_TRUE(detach());
  const auto alone = attach_xdp();
  ASSERT_FALSE(alone);
  EXPECT_NE(alone.error().message.find("programs at tc"), std::string::npos)
      << alone.error().message;
}

INSTANTIATE_TEST_SUITE_P(, AttachedXdp,
                         testing::Combine(testing::Values(XdpMode::kNative, XdpMode::kGeneric),
                                          testing::Values(Family::kIpv4, Family::kIpv6)),
                         [](const auto& info) {
                           return fmt::format(
                               "{}{}",
                               std::get<0>(info.param) == XdpMode::kNative ? "Native" : "Generic",
                               std::get<1>(info.param) == Family::kIpv4 ? "Ipv4" : "Ipv6");
                         });

}  // namespace
}  // namespace kubeproof::attached
