// Frames from outside that carry a priority and no VLAN (ID 0, 802.1p), as some adapters and
// switches send all of theirs. The stack takes such a tag off behind tc
// (__netif_receive_skb_core()): they are served like others, and leave as the stack would send them
// on.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <net/if.h>

#include <cerrno>
#include <cstring>
#include <initializer_list>

#include "replay/engine/file_descriptor.h"
#include "tests/attached/attached_node.h"

namespace kubeproof::attached {
namespace {

constexpr size_t kDatagram = 700;
constexpr size_t kFragmentedDatagram = 5000;
constexpr size_t kStream = 1 << 20;
constexpr int kPriority = 3 << 13;

constexpr bpf_insn set(int to, int value) {
  return {BPF_ALU64 | BPF_MOV | BPF_K, static_cast<uint8_t>(to), 0, 0, value};
}
constexpr bpf_insn leave() {
  return {BPF_JMP | BPF_EXIT, 0, 0, 0, 0};
}

// At eth0 of the calling thread's namespace.
Result<void> attach_to_eth0(bpf_tc_attach_point point,
                            std::initializer_list<bpf_insn> instructions) {
  const FileDescriptor program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "tags", "GPL",
                                             instructions.begin(), instructions.size(), nullptr));
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(if_nametoindex("eth0"));
  hook.attach_point = point;
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.prog_fd = program.get();
  int error = bpf_tc_hook_create(&hook);
  if (error == 0 || error == -EEXIST) error = bpf_tc_attach(&hook, &options);
  if (error != 0) return environment_error("a program at eth0: {}", std::strerror(-error));
  return {};
}

Result<void> send_with_priority_tags() {
  return attach_to_eth0(BPF_TC_EGRESS, {set(BPF_REG_2, __builtin_bswap16(ETH_P_8021Q)),
                                        set(BPF_REG_3, kPriority),
                                        {BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_skb_vlan_push},
                                        set(BPF_REG_0, TC_ACT_OK),
                                        leave()});
}

Result<void> receive_without_tags() {
  return attach_to_eth0(BPF_TC_INGRESS, {{BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1,
                                          offsetof(__sk_buff, vlan_present), 0},
                                         set(BPF_REG_0, TC_ACT_OK),
                                         {BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_2, 0, 1, 0},
                                         set(BPF_REG_0, TC_ACT_SHOT),
                                         leave()});
}

class AttachedPriorityTag : public AttachedNode, public testing::WithParamInterface<Family> {
 protected:
  void SetUp() override {
    AttachedNode::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    const auto tags = network().outside().run(send_with_priority_tags);
    ASSERT_TRUE(tags) << tags.error().message;
    for (const PrivateNamespace* space : {&network().outside(), &network().pod1()}) {
      const auto refuses = space->run(receive_without_tags);
      ASSERT_TRUE(refuses) << refuses.error().message;
    }
  }

  void expect_conversation(Origin origin, Backend backend) const {
    const Client from = client(origin, GetParam());
    const SocketAddress server = external_ip(backend, GetParam());
    const std::string who = to_string(origin) + " to " + to_string(backend);
    EXPECT_EQ(exchange_stream(from, server, kStream).failed_at, "") << who << " over TCP";
    for (const size_t bytes : {kDatagram, kFragmentedDatagram}) {
      EXPECT_EQ(exchange_datagram(from, server, bytes).failed_at, "")
          << who << ", " << bytes << " bytes over UDP";
    }
  }
};

TEST_P(AttachedPriorityTag, IsNoneToServices) {
  for (const Backend backend :
       {Backend::kOnPod, Backend::kFar, Backend::kOnNode, Backend::kOverlaid}) {
    expect_conversation(Origin::kOutside, backend);
  }
}

TEST_P(AttachedPriorityTag, IsNoneInReplies) {
  for (const Origin origin : {Origin::kNode, Origin::kPod1, Origin::kOverlay}) {
    expect_conversation(origin, Backend::kFar);
  }
}

TEST_P(AttachedPriorityTag, IsNoneInRefusals) {
  const Client from = client(Origin::kOutside, GetParam());
  for (const SocketAddress& server :
       {node_port(Backend::kNone, GetParam()), external_ip(Backend::kNone, GetParam())}) {
    EXPECT_EQ(exchange_stream(from, server, 1).error, ECONNREFUSED) << server.to_string();
    for (const size_t bytes : {kDatagram, kFragmentedDatagram}) {
      EXPECT_EQ(exchange_datagram(from, server, bytes).error, ECONNREFUSED)
          << bytes << " bytes over UDP to " << server.to_string();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, AttachedPriorityTag, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::attached
