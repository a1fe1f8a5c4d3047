// Packets whose checksum is left to a device (CHECKSUM_PARTIAL), of each protocol, whether or not
// this kernel has its sockets: given to a pod's link as such, and met as such behind the node.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <tuple>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "model/packet/packet_view.h"
#include "model/packet/protocol_name.h"
#include "tests/attached/attached_node.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr uint16_t kClientPort = 4000;

// struct virtio_net_hdr, which C++ does not take from linux/virtio_net.h.
struct Offload {
  uint8_t flags = 0;
  uint8_t segmentation = 0;
  uint16_t headers = 0;
  uint16_t segment = 0;
  uint16_t checksum_start = 0;
  uint16_t checksum_offset = 0;
};
constexpr uint8_t kChecksumPending = 1;  // VIRTIO_NET_HDR_F_NEEDS_CSUM

// A frame on a link, with what goes with it beside its bytes.
struct Frame {
  Offload offload;
  Bytes packet;
};

// Where the transport header begins, and the checksum in it.
Offload pending_checksum(const PacketView& view) {
  Offload offload;
  offload.flags = kChecksumPending;
  offload.checksum_start = static_cast<uint16_t>(ETH_HLEN + view.transport_offset);
  offload.checksum_offset = view.protocol == kTcp ? 16 : view.protocol == kUdp ? 6 : 8;
  return offload;
}

// All frames of eth0 in a namespace.
class Tap {
 public:
  explicit Tap(const PrivateNamespace& space) {
    const auto opened = space.run([&]() -> Result<void> {
      socket_ = FileDescriptor(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
      link_.sll_family = AF_PACKET;
      link_.sll_protocol = htons(ETH_P_ALL);
      link_.sll_ifindex = static_cast<int>(if_nametoindex("eth0"));
      return {};
    });
    if (!opened || !socket_) throw_errno("AF_PACKET");
    const int on = 1;
    setsockopt(socket_.get(), SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on);
    const timeval wait = patience();
    setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    if (bind(socket_.get(), reinterpret_cast<sockaddr*>(&link_), sizeof link_) != 0) {
      throw_errno("bind");
    }
  }

  // To the node's end of the link.
  void send(const Frame& frame) const {
    Bytes bytes(sizeof frame.offload + ETH_HLEN);
    std::memcpy(bytes.data(), &frame.offload, sizeof frame.offload);
    constexpr std::array<uint8_t, ETH_ALEN> kNode = {2, 0, 0, 0, 0, 1};
    std::copy(kNode.begin(), kNode.end(), bytes.begin() + sizeof frame.offload);
    store16(bytes, bytes.size() - 2, frame.packet[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
    bytes.insert(bytes.end(), frame.packet.begin(), frame.packet.end());
    if (::send(socket_.get(), bytes.data(), bytes.size(), 0) < 0) throw_errno("send");
  }

  // The first for the server's port; nothing where none comes for long.
  std::optional<Frame> receive(Protocol protocol) const {
    Bytes bytes(2048);
    for (;;) {
      const ssize_t length = recv(socket_.get(), bytes.data(), bytes.size(), 0);
      if (length < 0) return std::nullopt;
      constexpr size_t kHeaders = sizeof(Offload) + ETH_HLEN;
      if (static_cast<size_t>(length) <= kHeaders) continue;
      Frame frame;
      std::memcpy(&frame.offload, bytes.data(), sizeof frame.offload);
      frame.packet.assign(bytes.begin() + kHeaders, bytes.begin() + length);
      const auto view = parse_packet(frame.packet);
      if (view && view->protocol == protocol && view->destination_port == kServerPort) {
        return frame;
      }
    }
  }

 private:
  FileDescriptor socket_;
  sockaddr_ll link_{};
};

using Sent = std::tuple<Protocol, Family>;

class AttachedPendingChecksum : public AttachedNode, public testing::WithParamInterface<Sent> {
 protected:
  static PacketBuilder packet(const SocketAddress& from, const SocketAddress& to) {
    const auto protocol = std::get<Protocol>(GetParam());
    if (protocol == kTcp) return PacketBuilder::tcp(from, to).syn();
    if (protocol == kUdp) return PacketBuilder::udp(from, to).payload_size(8);
    constexpr std::array<uint8_t, 20> kInit = {1, 0, 0, 20, 0, 0, 0, 1, 0, 0,
                                               1, 0, 0, 1,  0, 1, 0, 0, 0, 1};
    return PacketBuilder::sctp(from, to).payload(kInit);
  }
};

TEST_P(AttachedPendingChecksum, StaysPendingOnItsWayToTheEndpoint) {
  const auto [protocol, family] = GetParam();
  const Client from = client(Origin::kPod2, family);
  const Tap pod2(from.space), pod1(network().pod1());
  Frame frame;
  frame.packet = packet({from.address, kClientPort}, cluster_ip(Backend::kOnPod, family))
                     .partial_checksum()
                     .build();
  frame.offload = pending_checksum(*parse_packet(frame.packet));
  pod2.send(frame);

  const auto arrived = pod1.receive(protocol);
  ASSERT_TRUE(arrived) << "not translated, or lost";
  const auto view = *parse_packet(arrived->packet);
  EXPECT_EQ(view.destination_endpoint().to_string(),
            SocketAddress(pod1_address(family), kServerPort).to_string());
  EXPECT_TRUE((arrived->offload.flags & kChecksumPending) != 0);
  EXPECT_TRUE(has_partial_checksum(arrived->packet, view));
}

// The same bytes, of which nobody says that they are to be changed.
TEST_P(AttachedPendingChecksum, IsWrongWhereNobodyIsToComputeIt) {
  const auto [protocol, family] = GetParam();
  const Client from = client(Origin::kPod2, family);
  const Tap pod2(from.space), pod1(network().pod1());
  const SocketAddress server = cluster_ip(Backend::kOnPod, family);
  pod2.send({{}, packet({from.address, kClientPort}, server).partial_checksum().build()});
  pod2.send({{}, packet({from.address, kClientPort + 1}, server).build()});
  const auto arrived = pod1.receive(protocol);
  ASSERT_TRUE(arrived);
  EXPECT_EQ(parse_packet(arrived->packet)->source_port, kClientPort + 1);
}

INSTANTIATE_TEST_SUITE_P(, AttachedPendingChecksum,
                         testing::Combine(testing::Values(kTcp, kUdp, kSctp),
                                          testing::Values(Family::kIpv4, Family::kIpv6)),
                         [](const auto& info) {
                           return protocol_name(std::get<Protocol>(info.param)) +
                                  (std::get<Family>(info.param) == Family::kIpv4 ? "Ipv4" : "Ipv6");
                         });

}  // namespace
}  // namespace kubeproof::attached
