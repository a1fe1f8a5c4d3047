// SCTP that a process of the node sends through a raw socket, longer than any link takes in one
// piece: the kernel cuts it ahead of the programs.
#include <netinet/in.h>

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"
#include "model/packet/packet_view.h"
#include "tests/attached/attached_node.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr size_t kLength = 4000;

FileDescriptor open_raw_socket(const PrivateNamespace& space) {
  FileDescriptor opened;
  const auto done = space.run([&]() -> Result<void> {
    opened = FileDescriptor(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, kSctp));
    return {};
  });
  if (!done || !opened) throw_errno("a raw socket");
  const timeval wait = patience();
  setsockopt(opened.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  return opened;
}

// A chunk that begins an association, with as much behind it as it says.
PacketBuilder init(const SocketAddress& from, const SocketAddress& to) {
  Bytes chunk = {1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 0, 1};
  chunk.resize(kLength);
  store16(chunk, 2, kLength);
  return PacketBuilder::sctp(from, to).payload(ByteView(chunk));
}

class AttachedOwnFragments : public AttachedNode, public testing::WithParamInterface<Backend> {
 protected:
  const PrivateNamespace& server() const {
    if (GetParam() == Backend::kOnPod) return network().pod1();
    return GetParam() == Backend::kFar ? network().outside() : network().node();
  }
};

TEST_P(AttachedOwnFragments, ArriveWithTheirChecksumMadeAnew) {
  const FileDescriptor sender = open_raw_socket(network().node());
  const FileDescriptor receiver = open_raw_socket(server());
  const SocketAddress service = cluster_ip(GetParam(), Family::kIpv4);
  const Bytes packet =
      init({node_address(Family::kIpv4), 4000}, service).bad_transport_checksum().build();
  const ByteView sctp = ByteView(packet).subspan(parse_packet(packet)->transport_offset);
  NativeAddress to = to_native({service.address, 0});
  ASSERT_EQ(sendto(sender.get(), sctp.data(), sctp.size(), 0, to.get(), to.size),
            static_cast<ssize_t>(sctp.size()));

  Bytes arrived(2 * kLength);
  const ssize_t length = recv(receiver.get(), arrived.data(), arrived.size(), 0);
  ASSERT_GT(length, 0) << "lost";
  arrived.resize(static_cast<size_t>(length));
  const auto view = parse_packet(arrived);
  ASSERT_TRUE(view);
  EXPECT_EQ(view->destination_port, kServerPort);
  EXPECT_EQ(view->total_length - view->transport_offset, static_cast<int>(sctp.size()));
  EXPECT_EQ(check_checksums(arrived).transport, ChecksumState::kRight);
}

INSTANTIATE_TEST_SUITE_P(, AttachedOwnFragments,
                         testing::Values(Backend::kOnPod, Backend::kFar, Backend::kOnNode),
                         [](const auto& info) {
                           std::string name = to_string(info.param);
                           name.erase(std::remove(name.begin(), name.end(), '-'), name.end());
                           return name;
                         });

}  // namespace
}  // namespace kubeproof::attached
