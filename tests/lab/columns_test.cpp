// Client outside, pod on the node, the node itself; each to a cluster IP, a node port, a load
// balancer's address and an external IP; TCP and UDP; IPv4 and IPv6. For each of these, what
// `kubeproof trace` answers puts five columns side by side: reference, netfilter, ebpf-tc,
// ebpf-xdp, and what the captured node did with a real packet. All must agree, and the capture must
// hold the reply too.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "model/packet/packet_view.h"
#include "replay/capture/capture_import.h"
#include "tests/lab/lab.h"
#include "tools/kubeproof/snapshot_options.h"
#include "tools/kubeproof/trace_request.h"

namespace kubeproof::lab {
namespace {

using nlohmann::json;

enum class Origin : uint8_t { kOutside, kPod, kNode };
enum class Kind : uint8_t { kClusterIp, kNodePort, kLoadBalancer, kExternalIp };

struct Cell {
  Origin origin;
  Kind kind;
  uint8_t protocol;
  Family family;
};

std::string name_of(const Cell& cell) {
  constexpr std::array kOrigins = {"outside", "pod", "node"};
  constexpr std::array kKinds = {"cluster_ip", "node_port", "load_balancer", "external_ip"};
  return fmt::format("{}_to_{}_{}_{}", kOrigins[static_cast<size_t>(cell.origin)],
                     kKinds[static_cast<size_t>(cell.kind)], cell.protocol == kTcp ? "tcp" : "udp",
                     cell.family == Family::kIpv4 ? "ipv4" : "ipv6");
}

// How a failing test names its parameter.
void PrintTo(const Cell& cell, std::ostream* out) {
  *out << name_of(cell);
}

std::vector<Cell> every_cell() {
  std::vector<Cell> cells;
  for (const Origin origin : {Origin::kOutside, Origin::kPod, Origin::kNode}) {
    for (const Kind kind :
         {Kind::kClusterIp, Kind::kNodePort, Kind::kLoadBalancer, Kind::kExternalIp}) {
      for (const uint8_t protocol : {kTcp, kUdp}) {
        for (const Family family : {Family::kIpv4, Family::kIpv6}) {
          cells.push_back({origin, kind, protocol, family});
        }
      }
    }
  }
  return cells;
}

// The lab's plan (tools/lab/plan.sh) as far as it concerns a client.
std::string from(const Cell& cell) {
  switch (cell.origin) {
    case Origin::kOutside:
      return cell.family == Family::kIpv4 ? "203.0.113.10" : "2001:db8:0:2::10";
    case Origin::kPod:
      return cell.family == Family::kIpv4 ? "pod:10.180.0.20" : "pod:fd00:10:180::20";
    case Origin::kNode:
      return "host";
  }
  return "";
}

SocketAddress to(const Cell& cell) {
  const bool tcp = cell.protocol == kTcp;
  const bool ipv4 = cell.family == Family::kIpv4;
  const int port = tcp ? 80 : 53;
  std::string text;
  switch (cell.kind) {
    case Kind::kClusterIp:
      text = fmt::format("{}{}{}:{}", ipv4 ? "10.96.0." : "[fd00:10:96::", tcp ? 10 : 30,
                         ipv4 ? "" : "]", port);
      break;
    case Kind::kNodePort:
      text = fmt::format("{}:{}", ipv4 ? "192.168.0.2" : "[2001:db8:0:1::2]", tcp ? 30014 : 30032);
      break;
    case Kind::kLoadBalancer:
      text = fmt::format("{}{}{}:{}", ipv4 ? "198.51.100." : "[2001:db8:0:ff::", tcp ? 16 : 32,
                         ipv4 ? "" : "]", port);
      break;
    case Kind::kExternalIp:
      text = fmt::format("{}{}{}:{}", ipv4 ? "198.51.100." : "[2001:db8:0:ff::", tcp ? 112 : 132,
                         ipv4 ? "" : "]", port);
      break;
  }
  return SocketAddress::parse(text).value();
}

bool opens_flow(const PacketView& view) {
  constexpr uint8_t kSyn = 0x02;
  constexpr uint8_t kAck = 0x10;
  return view.protocol != kTcp || (view.tcp_flags & (kSyn | kAck)) == kSyn;
}

bool is_from(const World& world, Origin origin, Ingress ingress) {
  if (origin == Origin::kNode) return ingress.is_host();
  const Interface* interface = world.find_interface(ingress.interface);
  const auto kind = origin == Origin::kPod ? InterfaceKind::kPod : InterfaceKind::kUplink;
  return interface != nullptr && interface->kind == kind;
}

// The translated opening packet of the cell's first flow, as it left.
std::optional<PacketView> find_opening(CaptureImport& import, const World& world,
                                       const Cell& cell) {
  CapturedPacket captured;
  while (import.next(captured)) {
    const auto view = parse_packet(captured.packet);
    if (view && view->protocol == cell.protocol && opens_flow(*view) &&
        view->destination_endpoint() == to(cell) && is_from(world, cell.origin, captured.ingress) &&
        !captured.departures.empty()) {
      return *parse_packet(captured.departures.front().packet);
    }
  }
  return std::nullopt;
}

bool finds_reply(CaptureImport& import, const PacketView& opening) {
  CapturedPacket captured;
  while (import.next(captured)) {
    const auto view = parse_packet(captured.packet);
    if (view && view->protocol == opening.protocol &&
        view->source_endpoint() == opening.destination_endpoint() &&
        view->destination_endpoint() == opening.source_endpoint()) {
      return true;
    }
  }
  return false;
}

// Of one process, which so loads the programs once for all cells.
const EngineOptions& engines() {
  static const EngineOptions all;
  return all;
}

class Columns : public testing::TestWithParam<Cell> {};

TEST_P(Columns, Agree) {
  const Snapshot snapshot = read_snapshot(snapshot_files()).value();
  const Configuration configuration = configure(snapshot, {}).value();
  CaptureImport import = CaptureImport::open(captures(), configuration.world, {true}).value();
  const auto opening = find_opening(import, configuration.world, GetParam());
  ASSERT_TRUE(opening) << "the captures hold no such packet";
  EXPECT_TRUE(finds_reply(import, *opening)) << "the captures hold no reply";

  const std::string destination =
      fmt::format("{}/{}", to(GetParam()).to_string(), GetParam().protocol == kTcp ? "tcp" : "udp");
  const auto answered = answer(
      {.from = from(GetParam()), .to = destination, .captures = captures()}, snapshot, engines());
  ASSERT_TRUE(answered) << answered.error().message;
  const json report = json::parse(render_trace_json(*answered));
  EXPECT_EQ(report.at("reference").at("verdict"), "dnat");
  ASSERT_EQ(report.at("engines").size(), 3U);
  std::vector<json> columns = report.at("engines");
  columns.push_back(report.at("captured"));
  for (const json& column : columns) {
    if (column.at("status") == "skipped") GTEST_SKIP() << column.at("reason");
    EXPECT_EQ(column.at("status"), "ran") << column.at("name");
    EXPECT_EQ(column.at("judgement"), "agrees") << column.dump(2);
    EXPECT_EQ(column.at("verdict"), "dnat") << column.dump(2);
  }
}

INSTANTIATE_TEST_SUITE_P(, Columns, testing::ValuesIn(every_cell()),
                         [](const auto& info) { return name_of(info.param); });

}  // namespace
}  // namespace kubeproof::lab
