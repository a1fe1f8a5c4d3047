// Which verdict, which endpoints and whose address a first packet gets, for every kind of client
// and destination, both traffic policies, and endpoints here and elsewhere, elsewhere only, or
// nowhere. The table is what kube-proxy's own unit tests and a run of its rules give.
#include <fmt/format.h>

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tests/unit/engine/reference_fixture.h"

namespace kubeproof {
namespace {

constexpr const char* kLocalEndpoint = "10.180.0.10:8080";
constexpr const char* kRemoteEndpoint = "10.180.1.7:8080";

struct Client {
  uint32_t ingress;
  const char* address;
};

// P, Q: pods of this node and of another; N: the node itself; M: another node; X: outside.
const std::map<char, Client> kClients = {{'P', {kPod1, "10.180.0.9"}},
                                         {'Q', {kUplink, "10.180.1.9"}},
                                         {'N', {0, "192.168.0.2"}},
                                         {'M', {kUplink, "192.168.0.3"}},
                                         {'X', {kUplink, "203.0.113.9"}}};

const std::map<std::string_view, std::string_view> kDestinations = {
    {"clusterIP", "10.96.0.10:80"},         {"nodePort", "192.168.0.2:30080"},
    {"externalIP", "198.51.100.7:80"},      {"VIP", "198.51.100.1:80"},
    {"VIP with ranges", "198.51.100.1:80"},
};

enum class Endpoints : uint8_t { kHereAndElsewhere, kElsewhere, kNowhere };

struct Row {
  std::string_view destination;
  std::string_view clients;
  // Cluster policy with endpoints here and elsewhere, elsewhere, nowhere; then Local policy.
  std::array<std::string_view, 6> cells;
};

const std::vector<Row> kTable = {
    {"clusterIP",
     "PQ",
     {"all", "remote", "REJECT@FORWARD", "local", "DROP@FORWARD", "REJECT@FORWARD"}},
    {"clusterIP",
     "N",
     {"all SNAT", "remote SNAT", "REJECT@OUTPUT", "local SNAT", "DROP@OUTPUT", "REJECT@OUTPUT"}},
    {"clusterIP",
     "MX",
     {"all SNAT", "remote SNAT", "REJECT@FORWARD", "local SNAT", "DROP@FORWARD", "REJECT@FORWARD"}},
    {"nodePort",
     "PQ",
     {"all SNAT", "remote SNAT", "REJECT@INPUT", "all", "remote", "REJECT@INPUT"}},
    {"nodePort",
     "N",
     {"all SNAT", "remote SNAT", "REJECT@INPUT", "all SNAT", "remote SNAT", "REJECT@INPUT"}},
    {"nodePort",
     "MX",
     {"all SNAT", "remote SNAT", "REJECT@INPUT", "local", "DROP@INPUT", "REJECT@INPUT"}},
    {"externalIP",
     "PQ",
     {"all SNAT", "remote SNAT", "REJECT@FORWARD", "all", "remote", "REJECT@FORWARD"}},
    {"externalIP", "N", {"all SNAT", "remote SNAT", "leaves", "all SNAT", "remote SNAT", "leaves"}},
    {"externalIP",
     "MX",
     {"all SNAT", "remote SNAT", "REJECT@FORWARD", "local", "DROP@FORWARD", "REJECT@FORWARD"}},
    {"VIP", "PQ", {"all SNAT", "remote SNAT", "REJECT@FORWARD", "all", "remote", "REJECT@FORWARD"}},
    {"VIP", "N", {"all SNAT", "remote SNAT", "leaves", "all SNAT", "remote SNAT", "leaves"}},
    {"VIP",
     "MX",
     {"all SNAT", "remote SNAT", "REJECT@FORWARD", "local", "DROP@FORWARD", "REJECT@FORWARD"}},
    {"VIP with ranges",
     "PQM",
     {"DROP@FORWARD", "DROP@FORWARD", "REJECT@FORWARD", "DROP@FORWARD", "DROP@FORWARD",
      "REJECT@FORWARD"}},
    {"VIP with ranges",
     "N",
     {"DROP@OUTPUT", "DROP@OUTPUT", "leaves", "DROP@OUTPUT", "DROP@OUTPUT", "leaves"}},
    {"VIP with ranges",
     "X",
     {"all SNAT", "remote SNAT", "REJECT@FORWARD", "local", "DROP@FORWARD", "REJECT@FORWARD"}},
};

// Where the rule stands that decided: "filter FORWARD KUBE-FORWARD #1 …" stands in FORWARD.
std::string hook_of_decision(const Outcome& outcome, std::string_view target) {
  for (const std::string& line : outcome.trace) {
    if (line.find(target) == std::string::npos) continue;
    const size_t begin = line.find(' ') + 1;
    return line.substr(begin, line.find(' ', begin) - begin);
  }
  return "nowhere";
}

class ReferenceTable : public ReferenceFixture {
 protected:
  void set_up(std::string_view destination, bool local_policy, Endpoints endpoints) {
    Service& service = add_service("web", "10.96.0.10:80");
    service.type = ServiceType::kLoadBalancer;
    service.ports[0].node_port = 30080;
    service.external_ips = {"198.51.100.7"};
    service.load_balancer_ingress = {{.ip = "198.51.100.1"}};
    const TrafficPolicy policy = local_policy ? TrafficPolicy::kLocal : TrafficPolicy::kCluster;
    if (destination == "clusterIP") {
      service.internal_traffic_policy = policy;
    } else {
      service.external_traffic_policy = policy;
    }
    if (destination == "VIP with ranges") {
      service.load_balancer_source_ranges = {"203.0.113.0/24"};
    }
    if (endpoints == Endpoints::kHereAndElsewhere) add_endpoint("web", kLocalEndpoint);
    if (endpoints != Endpoints::kNowhere) add_endpoint("web", kRemoteEndpoint);
    program();
    reference_.explain(true);
  }

  // In the table's words.
  std::string what_happens(const Client& client, std::string_view destination) {
    evaluate(client.ingress,
             PacketBuilder::tcp(fmt::format("{}:4000", client.address), destination).syn().build());
    const Outcome& outcome = outcomes_[0];
    if (outcome.rejected) return "REJECT@" + hook_of_decision(outcome, "-j REJECT");
    if (outcome.emissions.empty()) return "DROP@" + hook_of_decision(outcome, "-j DROP");
    std::string text = which_endpoints(destination);
    if (outcome.masquerade) text += " SNAT";
    const auto view = parse_packet(outcome.emissions[0].packet).value();
    const bool translated = view.source != IpAddress::parse(client.address).value();
    // The node's own address is masqueraded to itself.
    if (translated != outcome.masquerade && client.ingress != 0) text += " by mistake";
    return text;
  }

  std::string which_endpoints(std::string_view destination) const {
    const auto found = endpoints();
    if (found == std::set<std::string>{kLocalEndpoint, kRemoteEndpoint}) return "all";
    if (found == std::set<std::string>{kLocalEndpoint}) return "local";
    if (found == std::set<std::string>{kRemoteEndpoint}) return "remote";
    const PermittedEmission& emission = outcomes_[0].emissions[0];
    const auto view = parse_packet(emission.packet).value();
    const bool untouched = view.destination_endpoint().to_string() == destination;
    return untouched && emission.place == Place{kUplink} ? "leaves" : "unexpected";
  }
};

struct Cell {
  const Row* row;
  char client;
  size_t column;
};

std::vector<Cell> all_cells() {
  std::vector<Cell> cells;
  for (const Row& row : kTable) {
    for (const char client : row.clients) {
      for (size_t column = 0; column < row.cells.size(); ++column) {
        cells.push_back({&row, client, column});
      }
    }
  }
  return cells;
}

std::string cell_name(const testing::TestParamInfo<Cell>& info) {
  static constexpr std::array kColumns = {"ClusterBoth", "ClusterRemote", "ClusterNone",
                                          "LocalBoth",   "LocalRemote",   "LocalNone"};
  std::string name;
  for (const char letter : info.param.row->destination) {
    if (letter != ' ') name += letter;
  }
  return fmt::format("{}_{}_{}", name, info.param.client, kColumns[info.param.column]);
}

class ReferenceTableCell : public ReferenceTable, public testing::WithParamInterface<Cell> {};

TEST_P(ReferenceTableCell, Holds) {
  const Cell& cell = GetParam();
  set_up(cell.row->destination, cell.column >= 3, static_cast<Endpoints>(cell.column % 3));
  EXPECT_EQ(what_happens(kClients.at(cell.client), kDestinations.at(cell.row->destination)),
            cell.row->cells[cell.column]);
}

INSTANTIATE_TEST_SUITE_P(AllCells, ReferenceTableCell, testing::ValuesIn(all_cells()), cell_name);

}  // namespace
}  // namespace kubeproof
