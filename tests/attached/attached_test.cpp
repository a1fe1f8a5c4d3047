// The programs where they are meant to run: at the hooks of real interfaces, between real sockets.
// What test runs cannot show, this does: redirects that go somewhere, delivery through lo, partial
// checksums, segments that nobody has cut yet.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "model/packet/protocol_name.h"
#include "replay/engine/sysctl.h"
#include "tests/attached/attached_node.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr size_t kDatagram = 700;
constexpr size_t kFragmentedDatagram = 5000;
constexpr size_t kStream = 1 << 20;
constexpr size_t kShortStream = 1000;

struct Conversation {
  Origin origin;
  Backend backend;
  Family family;
};

std::string name_of(const testing::TestParamInfo<Conversation>& info) {
  static const std::map<Backend, std::string> kBackends = {
      {Backend::kOnPod, "Pod"},
      {Backend::kFar, "PodElsewhere"},
      {Backend::kOnNode, "NodesOwn"},
      {Backend::kOverlaid, "PodBehindOverlay"}};
  return fmt::format("{}To{}{}", to_string(info.param.origin), kBackends.at(info.param.backend),
                     info.param.family == Family::kIpv4 ? "Ipv4" : "Ipv6");
}

std::vector<Conversation> conversations() {
  std::vector<Conversation> all;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const Origin origin :
         {Origin::kOutside, Origin::kOverlay, Origin::kPod1, Origin::kPod2, Origin::kNode}) {
      for (const Backend backend :
           {Backend::kOnPod, Backend::kFar, Backend::kOnNode, Backend::kOverlaid}) {
        all.push_back({origin, backend, family});
      }
    }
  }
  return all;
}

class Attached : public AttachedNode, public testing::WithParamInterface<Conversation> {
 protected:
  // How the endpoint sees the client: kube-proxy masquerades traffic to external addresses, to the
  // pod's own, and what does not come from pods; but never what it delivers to the node itself,
  // unless the node sent it.
  IpAddress seen_as(bool external) const {
    const auto [origin, backend, family] = GetParam();
    const bool pod = origin != Origin::kOutside && origin != Origin::kNode;
    const bool hairpin = (origin == Origin::kPod1 && backend == Backend::kOnPod) ||
                         (origin == Origin::kOverlay && backend == Backend::kOverlaid);
    const bool masquerade = (external || !pod || hairpin) && backend != Backend::kOnNode;
    return masquerade ? node_address(family) : client(origin, family).address;
  }

  // What a process sends to its own node it sends as lo carries it, though it may leave the node
  // after all.
  bool leaves_behind_lo(const SocketAddress& server) const {
    const auto [origin, backend, family] = GetParam();
    return origin == Origin::kNode && backend != Backend::kOnNode &&
           server.address == node_address(family);
  }

  void expect_stream(const SocketAddress& server, bool external, Protocol protocol) const {
    const Client from = client(GetParam().origin, GetParam().family);
    // There, SCTP never gets through with what is too long, nor does it with kube-proxy's rules:
    // the stack forgets what it was told of the way to an address of its own
    // (ip_route_output_key_hash_rcu() in net/ipv4/route.c).
    const size_t bytes = protocol == kSctp && leaves_behind_lo(server) ? kShortStream : kStream;
    const Exchange stream = exchange_stream(from, server, bytes, protocol);
    EXPECT_EQ(stream.failed_at, "") << protocol_name(protocol) << " to " << server.to_string();
    EXPECT_EQ(stream.seen_as.to_string(), seen_as(external).to_string())
        << protocol_name(protocol) << " to " << server.to_string();
  }

  void expect_conversations(const SocketAddress& server, bool external) const {
    const Client from = client(GetParam().origin, GetParam().family);
    const std::string expected = seen_as(external).to_string();
    const auto expect_datagram = [&](const SocketAddress& to, size_t size) {
      const Exchange datagram = exchange_datagram(from, to, size);
      EXPECT_EQ(datagram.failed_at, "") << size << " bytes over UDP to " << to.to_string();
      EXPECT_EQ(datagram.seen_as.to_string(), expected)
          << size << " bytes over UDP to " << to.to_string();
    };
    expect_stream(server, external, kTcp);
    expect_datagram(server, kDatagram);
    // The sender is told (ip_fragment() in net/ipv4/ip_output.c).
    if (leaves_behind_lo(server)) {
      EXPECT_EQ(exchange_datagram(from, server, kFragmentedDatagram).error, EMSGSIZE);
    } else {
      expect_datagram(server, kFragmentedDatagram);
    }
  }
};

TEST_P(Attached, ReachesTheEndpointAtEveryAddressOfItsService) {
  const auto [origin, backend, family] = GetParam();
  expect_conversations(cluster_ip(backend, family), false);
  expect_conversations(node_port(backend, family), true);
  expect_conversations(external_ip(backend, family), true);
  expect_conversations(load_balancer_ip(backend, family), true);
}

// Senders of SCTP leave the checksum of their packets to devices, as a zero.
class AttachedSctp : public Attached {
 protected:
  void SetUp() override {
    if (!has_sctp()) GTEST_SKIP() << "this kernel has no sockets of SCTP (CONFIG_IP_SCTP)";
    Attached::SetUp();
  }
};

TEST_P(AttachedSctp, ReachesTheEndpointAtEveryAddressOfItsService) {
  const auto [origin, backend, family] = GetParam();
  expect_stream(cluster_ip(backend, family), false, kSctp);
  expect_stream(node_port(backend, family), true, kSctp);
  expect_stream(external_ip(backend, family), true, kSctp);
  expect_stream(load_balancer_ip(backend, family), true, kSctp);
}

INSTANTIATE_TEST_SUITE_P(, Attached, testing::ValuesIn(conversations()), name_of);
INSTANTIATE_TEST_SUITE_P(, AttachedSctp, testing::ValuesIn(conversations()), name_of);

class AttachedRefusal : public AttachedNode,
                        public testing::WithParamInterface<std::tuple<Origin, Family>> {
 protected:
  void expect_refusals() const;
};

TEST_P(AttachedRefusal, TellsClientsThatNobodyServes) {
  expect_refusals();
}

// What is refused came with its own checksum still to be computed. That of the refusal must not
// suffer when the way back has no device that would compute one.
TEST_P(AttachedRefusal, IsUnharmedByChecksumsThatWereStillToBeComputed) {
  for (const char* interface : {"eth0", "pod2"}) {
    ASSERT_TRUE(network().take_checksums_from_device(interface));
  }
  expect_refusals();
}

void AttachedRefusal::expect_refusals() const {
  const auto [origin, family] = GetParam();
  const Client from = client(origin, family);
  std::vector<SocketAddress> servers = {cluster_ip(Backend::kNone, family),
                                        node_port(Backend::kNone, family)};
  // kube-proxy's rules for external addresses stand in INPUT and FORWARD: what the node sends
  // there itself is not refused.
  if (origin != Origin::kNode) {
    servers.push_back(external_ip(Backend::kNone, family));
    servers.push_back(load_balancer_ip(Backend::kNone, family));
  }
  for (const SocketAddress& server : servers) {
    EXPECT_EQ(exchange_stream(from, server, 1).error, ECONNREFUSED)
        << "TCP to " << server.to_string();
    // What is in fragments is put together before it is refused.
    for (const size_t size : {size_t{1}, kDatagram, kFragmentedDatagram}) {
      EXPECT_EQ(exchange_datagram(from, server, size).error, ECONNREFUSED)
          << size << " bytes over UDP to " << server.to_string();
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, AttachedRefusal,
                         testing::Combine(testing::Values(Origin::kOutside, Origin::kOverlay,
                                                          Origin::kPod2, Origin::kNode),
                                          testing::Values(Family::kIpv4, Family::kIpv6)),
                         [](const auto& info) {
                           return to_string(std::get<0>(info.param)) +
                                  (std::get<1>(info.param) == Family::kIpv4 ? "Ipv4" : "Ipv6");
                         });

class AttachedSegments : public AttachedNode {
 protected:
  // Of what the interface sent since the last time.
  double bytes_per_packet(const std::string& interface) {
    const auto text = run_inside(network().node(), {"ip", "-j", "-s", "link", "show", interface});
    const auto sent = nlohmann::json::parse(text.value()).at(0).at("stats64").at("tx");
    const auto bytes = sent.at("bytes").get<double>() - bytes_;
    const auto packets = sent.at("packets").get<double>() - packets_;
    bytes_ += bytes;
    packets_ += packets;
    return bytes / packets;
  }

 private:
  double bytes_ = 0;
  double packets_ = 0;
};

TEST_F(AttachedSegments, PassUncut) {
  constexpr size_t kMegabytes = 8 << 20;
  constexpr double kMtu = 1500;
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    bytes_per_packet("pod1");
    const Exchange exchange = exchange_stream(client(Origin::kOutside, family),
                                              node_port(Backend::kOnPod, family), kMegabytes);
    EXPECT_EQ(exchange.failed_at, "");
    EXPECT_GT(bytes_per_packet("pod1"), 2 * kMtu) << "offload was lost on the way";
  }
}

using AttachedSettings = AttachedNode;

TEST_F(AttachedSettings, LoopbackIsOpenedOnceNodePortsAreToAnswerThere) {
  const auto route_localnet = [this] {
    return network().node().run([] { return read_sysctl("ipv4/conf/all/route_localnet"); });
  };
  ASSERT_TRUE(detach());
  ProxyConfig proxy = proxy_config();
  proxy.localhost_node_ports = false;
  ASSERT_TRUE(program(proxy));
  ASSERT_TRUE(attach());
  EXPECT_EQ(route_localnet(), "0");
  ASSERT_TRUE(program(proxy_config()));
  EXPECT_EQ(route_localnet(), "1");
  ASSERT_TRUE(detach());
  EXPECT_EQ(route_localnet(), "0");
}

TEST_F(AttachedSettings, WhatCannotBeSetLeavesTheNodeAsItWas) {
  SocketAddress server = node_port(Backend::kOnPod, Family::kIpv4);
  server.address = IpAddress::parse("127.0.0.1").value();
  const Client client = {network().node(), server.address};
  ASSERT_TRUE(detach());
  ProxyConfig proxy = proxy_config();
  proxy.localhost_node_ports = false;
  ASSERT_TRUE(program(proxy));
  ASSERT_TRUE(attach());
  std::thread([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_TRUE(network().node().run([]() -> Result<int> {
      const char* path = "/proc/sys/net/ipv4/conf/all/route_localnet";
      return mount("/dev/null", path, nullptr, MS_BIND, nullptr);
    }));
    EXPECT_FALSE(program(proxy_config()));
  }).join();
  EXPECT_NE(exchange_stream(client, server, 1).failed_at, "");
  ASSERT_TRUE(program(proxy_config()));
  EXPECT_EQ(exchange_stream(client, server, 1).failed_at, "");
}

// Somebody may take back what opens 127.0.0.0/8 to links; lo stays open.
TEST_F(AttachedSettings, LoopbackAnswersOtherAddressesOfTheNodeThoughClosedToLinks) {
  ASSERT_TRUE(
      network().node().run([] { return write_sysctl("ipv4/conf/all/route_localnet", "0"); }));
  SocketAddress server = node_port(Backend::kOnPod, Family::kIpv4);
  server.address = IpAddress::parse("127.0.0.1").value();
  const Client client = {network().node(), node_address(Family::kIpv4)};
  EXPECT_EQ(exchange_stream(client, server, 1).failed_at, "");
}

using Detached = AttachedNode;

TEST_F(Detached, LeavesNothing) {
  EXPECT_NE(traces(), traces_before());
  ASSERT_TRUE(detach());
  EXPECT_EQ(traces(), traces_before());
}

TEST_F(Detached, LeavesNothingWhereAttachingFails) {
  ASSERT_TRUE(detach());
  constexpr uint32_t kNobodys = 999'999;
  EXPECT_FALSE(network().node().run([&] { return datapath().attach(kNobodys); }));
  EXPECT_EQ(traces(), traces_before());
}

TEST_F(Detached, IsWhatADatapathThatGoesAwayIs) {
  const int program = datapath().ingress_program();
  bpf_prog_info info{};
  uint32_t size = sizeof info;
  ASSERT_EQ(bpf_obj_get_info_by_fd(program, &info, &size), 0);
  remove_datapath();
  EXPECT_EQ(traces(), traces_before());
  // The kernel frees programs a little later.
  const auto is_there = [&] {
    const FileDescriptor found(bpf_prog_get_fd_by_id(info.id));
    return static_cast<bool>(found);
  };
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (is_there() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_FALSE(is_there());
}

TEST_F(Detached, AttachesAgain) {
  ASSERT_TRUE(detach());
  ASSERT_TRUE(attach());
  EXPECT_EQ(exchange_stream(client(Origin::kPod2, Family::kIpv4),
                            cluster_ip(Backend::kOnPod, Family::kIpv4), 1)
                .failed_at,
            "");
}

}  // namespace
}  // namespace kubeproof::attached
