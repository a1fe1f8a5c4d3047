// What a process of the node leaves uncut is cut to what its own first route takes; the programs
// send it on another. It leaves by that in no longer segments than the link there takes.
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>

#include <algorithm>
#include <string>

#include "tests/attached/attached_node.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr int kNarrow = 1400;
constexpr size_t kStream = 300'000;
constexpr int kRoom = 16 << 20;

class AttachedSegmentsOnANarrowLink : public AttachedNode,
                                      public testing::WithParamInterface<Family> {
 protected:
  void SetUp() override {
    AttachedNode::SetUp();
    const std::string mtu = std::to_string(kNarrow);
    for (const PrivateNamespace* end : {&network().node(), &network().overlay()}) {
      run_inside(*end, {"ip", "link", "set", "overlay", "mtu", mtu}).value();
    }
    // The server does not tell that its link is narrow.
    for (const char* family : {"-4", "-6"}) {
      run_inside(network().overlay(),
                 {"ip", family, "route", "replace", "default", "dev", "overlay", "advmss", "1440"})
          .value();
    }
  }

  // All packets of the family that come in over the overlay.
  FileDescriptor listen_behind_overlay() const {
    FileDescriptor opened;
    const int protocol = GetParam() == Family::kIpv4 ? ETH_P_IP : ETH_P_IPV6;
    sockaddr_ll link{};
    link.sll_family = AF_PACKET;
    link.sll_protocol = htons(protocol);
    const auto done = network().overlay().run([&]() -> Result<void> {
      opened = FileDescriptor(socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      link.sll_ifindex = static_cast<int>(if_nametoindex("overlay"));
      return {};
    });
    if (!done || !opened) throw_errno("AF_PACKET");
    setsockopt(opened.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kRoom, sizeof kRoom);
    if (bind(opened.get(), reinterpret_cast<sockaddr*>(&link), sizeof link) != 0) {
      throw_errno("bind");
    }
    return opened;
  }

  static ssize_t longest(const FileDescriptor& packets) {
    ssize_t most = 0;
    char byte = 0;
    for (;;) {
      const ssize_t length = recv(packets.get(), &byte, sizeof byte, MSG_TRUNC | MSG_DONTWAIT);
      if (length < 0) return most;
      most = std::max(most, length);
    }
  }
};

TEST_P(AttachedSegmentsOnANarrowLink, AreNoLongerThanItTakes) {
  const FileDescriptor packets = listen_behind_overlay();
  const Exchange stream = exchange_stream(client(Origin::kNode, GetParam()),
                                          cluster_ip(Backend::kOverlaid, GetParam()), kStream);
  EXPECT_EQ(stream.failed_at, "");
  EXPECT_EQ(longest(packets), kNarrow);
}

INSTANTIATE_TEST_SUITE_P(, AttachedSegmentsOnANarrowLink,
                         testing::Values(Family::kIpv4, Family::kIpv6), [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::attached
