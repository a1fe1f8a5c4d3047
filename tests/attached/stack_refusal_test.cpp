// First packets that the stack refuses, on their way to an endpoint. Its error reaches the client
// as one about what that has sent, however many packets came in before the stack had its say.
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "tests/attached/attached_node.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr size_t kDatagram = 16;

void set_option(const FileDescriptor& socket, int level, int name, int value) {
  if (setsockopt(socket.get(), level, name, &value, sizeof value) != 0) throw_errno("setsockopt");
}

class AttachedStackRefusal : public AttachedNode, public testing::WithParamInterface<Family> {
 protected:
  SocketAddress server() const { return node_port(Backend::kOnPod, GetParam()); }
  void know_neighbours() const {
    EXPECT_EQ(exchange_datagram(client(Origin::kOutside, GetParam()), server(), 1).error, 0);
  }
  void forget_neighbours() {
    run_inside(network().node(), {"ip", "neigh", "flush", "dev", "eth0"}).value();
  }

  // Datagrams that no router may pass on, all at once; how many of them the client is told of.
  int told_about(int datagrams) const;
};

int AttachedStackRefusal::told_about(int datagrams) const {
  const bool ipv4 = GetParam() == Family::kIpv4;
  const Client from = client(Origin::kOutside, GetParam());
  const FileDescriptor socket = open_socket(from.space, kUdp, {from.address, 0});
  NativeAddress to = to_native(server());
  if (connect(socket.get(), to.get(), to.size) != 0) throw_errno("connect");
  set_option(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TTL : IPV6_UNICAST_HOPS, 1);
  set_option(socket, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_RECVERR : IPV6_RECVERR, 1);
  if (datagrams > 1) set_option(socket, SOL_UDP, UDP_SEGMENT, kDatagram);
  const std::string text(kDatagram * static_cast<size_t>(datagrams), 'x');
  if (send(socket.get(), text.data(), text.size(), 0) < 0) throw_errno("send");

  int told = 0;
  while (told < datagrams) {
    char byte = 0;
    // The error comes before anything else does, which is nothing.
    if (recv(socket.get(), &byte, sizeof byte, 0) >= 0 || errno != EHOSTUNREACH) break;
    while (recv(socket.get(), &byte, sizeof byte, MSG_ERRQUEUE | MSG_DONTWAIT) >= 0) ++told;
  }
  return told;
}

TEST_P(AttachedStackRefusal, IsToldOfEachOfSeveralThatCameInAtOnce) {
  ASSERT_TRUE(network().receive_in_lists());
  know_neighbours();
  EXPECT_EQ(told_about(4), 4);
}

TEST_P(AttachedStackRefusal, IsToldThoughTheNodeHasToAskForTheNeighbourFirst) {
  forget_neighbours();
  EXPECT_EQ(told_about(1), 1);
}

INSTANTIATE_TEST_SUITE_P(, AttachedStackRefusal, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::attached
