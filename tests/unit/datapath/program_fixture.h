// The programs on a small node, one test run at a time: what a program makes of a packet at one
// hook, with its trace record.
//
//   lo     1
//   eth0   2   192.168.0.2/24, 2001:db8::2/64; default route through .1
//   pod1   10  10.180.0.9, fd00:180::9
//   pod2   11  10.180.0.10, fd00:180::10
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datapath/control/datapath.h"
#include "model/packet/packet_builder.h"
#include "model/packet/packet_view.h"
#include "replay/engine/private_namespace.h"
#include "replay/engine/test_run.h"
#include "replay/engine/tun_device.h"
#include "replay/engine/xdp_test_run.h"

namespace kubeproof::control {

constexpr uint32_t kLo = 1;
constexpr uint32_t kEth0 = 2;
constexpr uint32_t kPod1 = 10;
constexpr uint32_t kPod2 = 11;

World routed_world();

// A service of one port with all kinds of frontends:
//   10.96.0.10:80, 198.51.100.7:80 (externalIP), 203.0.113.80:80 (load balancer), node port 30080
Service web_service(Family family, Protocol protocol);
EndpointSlice web_endpoints(Family family, Protocol protocol,
                            const std::vector<std::string>& addresses, uint16_t port);

struct Ran {
  int verdict = 0;
  Bytes packet;
  Bytes frame_header;  // at XDP
  uint32_t mark = 0;
  std::array<uint32_t, 5> cb{};
  abi::trace_record record{};

  PacketView view() const { return *parse_packet(packet); }
  // "10.0.0.1:80 > 10.0.0.2:81"
  std::string flow() const;
};

class ProgramTest : public ::testing::Test {
 protected:
  explicit ProgramTest(bool with_xdp = false) : with_xdp_(with_xdp) {}
  void SetUp() override;
  void TearDown() override;

  void program();
  void serve(Family family, Protocol protocol, const std::vector<std::string>& endpoints,
             uint16_t port = 8080);

  Ran ingress(uint32_t interface, const PacketBuilder& packet, uint32_t mark = 0);
  Ran ingress(uint32_t interface, ByteView packet, uint32_t mark = 0);
  // From the link, where the program at XDP stands: eth0 as the fixture sets it up.
  Ran xdp(const PacketBuilder& packet) { return xdp(packet.build()); }
  Ran xdp(ByteView packet);
  Ran xdp_frame(ByteView frame);
  void know_neighbour(const std::string& address);
  // What the node's own processes send.
  Ran egress_of_host(uint32_t interface, const PacketBuilder& packet, uint32_t mark = 0);
  Ran egress_of_host(uint32_t interface, ByteView packet, uint32_t mark = 0);
  // What they leave to be cut to so many bytes of payload.
  Ran egress_of_host_uncut(uint32_t interface, const PacketBuilder& packet, uint32_t segment_size);
  // What came in at `from` and is forwarded: as the program at ingress left it, with a lower TTL.
  Ran egress_forwarded(uint32_t interface, uint32_t from, const Ran& received);

  // What a program redirected to there: received at `from`, or the node's own where that is 0.
  Ran egress_redirected(uint32_t interface, uint32_t from, const Ran& sent);

  void advance(std::chrono::nanoseconds duration);

  // Where test runs of one's own have to be.
  const PrivateNamespace& space() const { return *space_; }

  // For entries of a map that are changed behind the programs' back.
  int map(const std::string& name) const;

  MapSizes sizes_{.frontends = 1000, .backends = 1000, .flows = 100'000};
  World world_ = routed_world();
  Cluster cluster_;
  ProxyConfig proxy_;
  std::optional<Datapath> datapath_;

 private:
  Ran run(TestRun& program, ByteView packet, const TestRun::Context& context);
  abi::trace_record take_record();

  const bool with_xdp_;
  std::optional<PrivateNamespace> space_;
  std::vector<TunDevice> devices_;
  std::optional<TestRun> ingress_;
  std::optional<TestRun> egress_;
  std::optional<XdpTestRun> xdp_;
  std::chrono::nanoseconds now_ = std::chrono::hours(1);
};

}  // namespace kubeproof::control
