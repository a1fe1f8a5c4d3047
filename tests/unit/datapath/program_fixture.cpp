#include "tests/unit/datapath/program_fixture.h"

#include <fmt/format.h>

#include "model/node/routing.h"
#include "replay/engine/neighbours.h"
#include "replay/engine/world_setup.h"
#include "tests/unit/datapath/control_fixture.h"
#include "tests/unit/datapath/loaded_once.h"
#include "tests/unit/datapath/tested_programs.h"

namespace kubeproof::control {
namespace {

Route route(const std::string& destination, uint32_t interface, const std::string& gateway = "") {
  Route route;
  route.destination = *Cidr::parse(destination);
  route.interface = interface;
  if (!gateway.empty()) route.gateway = *IpAddress::parse(gateway);
  return route;
}

bool is_v4(Family family) {
  return family == Family::kIpv4;
}

}  // namespace

World routed_world() {
  World node = world();
  node.interfaces.push_back(interface(kPod2, "pod2", InterfaceKind::kPod, {}));
  node.routes = {
      route("0.0.0.0/0", kEth0, "192.168.0.1"),
      route("192.168.0.0/24", kEth0),
      route("::/0", kEth0, "2001:db8::1"),
      route("2001:db8::/64", kEth0),
      route("10.180.0.9/32", kPod1),
      route("10.180.0.10/32", kPod2),
      route("fd00:180::9/128", kPod1),
      route("fd00:180::10/128", kPod2),
  };
  return node;
}

Service web_service(Family family, Protocol protocol) {
  Service web = service("web", is_v4(family) ? "10.96.0.10" : "fd00:96::10");
  web.ip_families = {family};
  web.type = ServiceType::kLoadBalancer;
  web.ports[0].protocol = protocol;
  web.ports[0].node_port = 30080;
  web.external_ips = {is_v4(family) ? "198.51.100.7" : "2001:db8:e::7"};
  web.load_balancer_ingress = {{.ip = is_v4(family) ? "203.0.113.80" : "2001:db8:f::80"}};
  return web;
}

EndpointSlice web_endpoints(Family family, Protocol protocol,
                            const std::vector<std::string>& addresses, uint16_t port) {
  std::vector<SliceEndpoint> endpoints;
  for (const std::string& address : addresses) {
    const bool local = address.find("180.0.") != std::string::npos ||
                       address.find("180::") != std::string::npos || address == "192.168.0.2";
    endpoints.push_back(endpoint(address, local ? "node-a" : "node-b"));
  }
  EndpointSlice result = slice("web", port, endpoints);
  result.address_type = is_v4(family) ? SliceAddressType::kIpv4 : SliceAddressType::kIpv6;
  result.ports[0].protocol = protocol;
  return result;
}

std::string Ran::flow() const {
  const PacketView packet = view();
  return fmt::format("{} > {}", packet.source_endpoint().to_string(),
                     packet.destination_endpoint().to_string());
}

void ProgramTest::SetUp() {
  auto space = PrivateNamespace::create();
  if (!space) GTEST_SKIP() << space.error().message;
  space_.emplace(std::move(*space));
  auto devices = space_->run([&] { return set_up_world(world_); });
  ASSERT_TRUE(devices) << devices.error().message;
  devices_ = std::move(*devices);

  auto datapath = take_datapath(sizes_, with_xdp_);
  if (!datapath && !programs_should_load()) GTEST_SKIP() << datapath.error().message;
  ASSERT_TRUE(datapath) << datapath.error().message;
  datapath_.emplace(std::move(*datapath));
  datapath_->trace(true);
  advance({});
  ingress_.emplace(datapath_->ingress_program(), "ingress");
  egress_.emplace(datapath_->egress_program(), "egress");
  if (with_xdp_) {
    xdp_.emplace(datapath_->xdp_program(), "xdp");
    ASSERT_TRUE(datapath_->allow_xdp(kEth0, true));
  }
  proxy_.cluster_cidrs = {"10.180.0.0/16", "fd00:180::/32"};
}

void ProgramTest::TearDown() {
  if (datapath_) return_datapath(*std::move(datapath_), sizes_, with_xdp_);
}

void ProgramTest::program() {
  const auto done = datapath_->program(world_, cluster_, proxy_);
  ASSERT_TRUE(done) << done.error().message;
}

void ProgramTest::serve(Family family, Protocol protocol, const std::vector<std::string>& endpoints,
                        uint16_t port) {
  const Service web = web_service(family, protocol);
  const EndpointSlice slice = web_endpoints(family, protocol, endpoints, port);
  cluster_.services[web.key] = web;
  cluster_.endpoint_slices[slice.key] = slice;
  program();
}

Ran ProgramTest::ingress(uint32_t interface, const PacketBuilder& packet, uint32_t mark) {
  return ingress(interface, packet.build(), mark);
}

Ran ProgramTest::ingress(uint32_t interface, ByteView packet, uint32_t mark) {
  return run(*ingress_, packet, {.interface = interface, .ingress = interface, .mark = mark});
}

Ran ProgramTest::egress_of_host(uint32_t interface, const PacketBuilder& packet, uint32_t mark) {
  return egress_of_host(interface, packet.build(), mark);
}

Ran ProgramTest::egress_of_host(uint32_t interface, ByteView packet, uint32_t mark) {
  return run(*egress_, packet, {.interface = interface, .ingress = 0, .mark = mark});
}

Ran ProgramTest::egress_of_host_uncut(uint32_t interface, const PacketBuilder& packet,
                                      uint32_t segment_size) {
  return run(*egress_, packet.build(),
             {.interface = interface, .ingress = 0, .segment_size = segment_size});
}

Ran ProgramTest::egress_forwarded(uint32_t interface, uint32_t from, const Ran& received) {
  Bytes packet = received.packet;
  if (received.view().family == Family::kIpv4) {
    --packet[8];
    const uint32_t sum = load16(packet, 10) + 0x100;
    store16(packet, 10, static_cast<uint16_t>(sum + (sum >> 16)));
  } else {
    --packet[7];
  }
  return run(*egress_, packet, {.interface = interface, .ingress = from, .mark = received.mark});
}

Ran ProgramTest::egress_redirected(uint32_t interface, uint32_t from, const Ran& sent) {
  return run(*egress_, sent.packet,
             {.interface = interface, .ingress = from, .mark = sent.mark, .cb = sent.cb});
}

int ProgramTest::map(const std::string& name) const {
  return map_of(*datapath_, name);
}

void ProgramTest::advance(std::chrono::nanoseconds duration) {
  now_ += duration;
  datapath_->set_clock(0, static_cast<uint64_t>(now_.count()));
}

Ran ProgramTest::run(TestRun& program, ByteView packet, const TestRun::Context& context) {
  Ran ran;
  const auto done = space_->run([&]() -> Result<void> {
    auto output = program.run(packet, context);
    if (!output) return tl::unexpected(output.error());
    EXPECT_FALSE(output->device_sum_lost);
    ran.verdict = output->verdict;
    ran.packet.assign(output->packet.begin(), output->packet.end());
    ran.mark = output->mark;
    ran.cb = output->cb;
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  ran.record = take_record();
  return ran;
}

abi::trace_record ProgramTest::take_record() {
  abi::trace_record last{};
  size_t records = 0;
  datapath_->drain_trace([&](const abi::trace_record& record) {
    last = record;
    ++records;
  });
  EXPECT_EQ(records, 1U);
  return last;
}

Ran ProgramTest::xdp(ByteView packet) {
  Bytes frame;
  put_frame(packet, frame);
  return xdp_frame(frame);
}

Ran ProgramTest::xdp_frame(ByteView frame) {
  Ran ran;
  const auto done = space_->run([&]() -> Result<void> {
    auto output = xdp_->run_frame(frame, kEth0);
    if (!output) return tl::unexpected(output.error());
    ran.verdict = output->verdict;
    ran.packet.assign(output->packet().begin(), output->packet().end());
    ran.frame_header.assign(output->frame.begin(), output->packet().begin());
    return {};
  });
  EXPECT_TRUE(done) << done.error().message;
  ran.record = take_record();
  return ran;
}

void ProgramTest::know_neighbour(const std::string& address) {
  const auto done = space_->run([&]() -> Result<void> {
    auto neighbours = Neighbours::create();
    if (!neighbours) return tl::unexpected(neighbours.error());
    return neighbours->know(RoutingTable(world_), *IpAddress::parse(address));
  });
  ASSERT_TRUE(done) << done.error().message;
}

}  // namespace kubeproof::control
