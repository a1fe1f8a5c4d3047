// Whole rulesets, written out by hand as kube-proxy gives rules to iptables-restore
// (pkg/proxy/iptables/proxier.go syncProxyRules), for small clusters with one feature each. What is
// fixed is added; every other rule has to be named, in its place.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "model/netfilter/save_text/parse_save_text.h"
#include "model/proxier/compare/compare_rules.h"
#include "model/proxier/names.h"
#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Ruleset;
using netfilter::SaveText;

constexpr const char* kFilterJumps =
    "-A INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes load balancer "
    "firewall\" -j KUBE-PROXY-FIREWALL\n"
    "-A INPUT -m comment --comment \"kubernetes health check service ports\" -j KUBE-NODEPORTS\n"
    "-A INPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes externally-visible "
    "service portals\" -j KUBE-EXTERNAL-SERVICES\n"
    "-A INPUT -j KUBE-FIREWALL\n"
    "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes load balancer "
    "firewall\" -j KUBE-PROXY-FIREWALL\n"
    "-A FORWARD -m comment --comment \"kubernetes forwarding rules\" -j KUBE-FORWARD\n"
    "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j "
    "KUBE-SERVICES\n"
    "-A FORWARD -m conntrack --ctstate NEW -m comment --comment \"kubernetes externally-visible "
    "service portals\" -j KUBE-EXTERNAL-SERVICES\n"
    "-A OUTPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes load balancer "
    "firewall\" -j KUBE-PROXY-FIREWALL\n"
    "-A OUTPUT -m conntrack --ctstate NEW -m comment --comment \"kubernetes service portals\" -j "
    "KUBE-SERVICES\n"
    "-A OUTPUT -j KUBE-FIREWALL\n";
constexpr const char* kNatJumps =
    "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
    "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES\n"
    "-A POSTROUTING -m comment --comment \"kubernetes postrouting rules\" -j KUBE-POSTROUTING\n";
constexpr const char* kLocalnetGuard =
    "-A KUBE-FIREWALL -m comment --comment \"block incoming localnet connections\" -d 127.0.0.0/8 "
    "! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP\n";
constexpr const char* kDropInvalid = "-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n";
constexpr const char* kToNodePorts =
    "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the "
    "last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS\n";
constexpr const char* kToNodePortsButLoopback6 =
    "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be the "
    "last rule in this chain\" -m addrtype --dst-type LOCAL ! -d ::1/128 -j KUBE-NODEPORTS\n";

// A table of the given rules, with the chains that occur in them.
std::string table_of(const std::string& name, std::set<std::string> chains,
                     const std::string& rules) {
  std::set<std::string> builtin = {"INPUT", "OUTPUT"};
  if (name != "nat") builtin.insert("FORWARD");
  if (name != "filter") {
    builtin.insert("PREROUTING");
    builtin.insert("POSTROUTING");
  }
  std::istringstream lines(rules);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string option;
    std::string chain;
    words >> option >> chain;
    if (!builtin.contains(chain)) chains.insert(chain);
  }
  std::string text = "*" + name + "\n";
  for (const std::string& chain : builtin) text += ":" + chain + " ACCEPT [0:0]\n";
  for (const std::string& chain : chains) text += ":" + chain + " - [0:0]\n";
  return text + rules + "COMMIT\n";
}

// What a test writes down, and what it changes of what is fixed.
struct Written {
  std::string filter = {};
  std::string nat = {};
  std::string last = kToNodePorts;  // in nat KUBE-SERVICES
  std::string guard = kLocalnetGuard;
  std::string drop_invalid = kDropInvalid;
  std::string mark = "0x00004000";
};

class WholeRules : public testing::Test {
 protected:
  // Chains are written {SVC ns/name:port tcp}, {SEP ns/name:port tcp 10.0.0.1:80}.
  static std::string with_names(std::string text) {
    for (size_t at = 0; (at = text.find('{', at)) != std::string::npos;) {
      const size_t end = text.find('}', at);
      std::istringstream words(text.substr(at + 1, end - at - 1));
      std::string kind;
      std::string name;
      std::string protocol;
      std::string endpoint;
      words >> kind >> name >> protocol >> endpoint;
      text.replace(at, end + 1 - at, "KUBE-" + kind + "-" + chain_hash(name + protocol + endpoint));
    }
    return text;
  }

  static std::string whole(const Written& written) {
    const std::string masked = written.mark + "/" + written.mark;
    const std::string filter =
        kFilterJumps + written.guard + with_names(written.filter) + written.drop_invalid +
        "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding rules\" -m mark --mark " +
        masked +
        " -j ACCEPT\n"
        "-A KUBE-FORWARD -m comment --comment \"kubernetes forwarding conntrack rule\" -m "
        "conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n";
    const std::string nat =
        std::string(kNatJumps) + "-A KUBE-POSTROUTING -m mark ! --mark " + masked +
        " -j RETURN\n"
        "-A KUBE-POSTROUTING -j MARK --xor-mark " +
        written.mark +
        "\n"
        "-A KUBE-POSTROUTING -m comment --comment \"kubernetes service traffic requiring SNAT\" -j "
        "MASQUERADE --random-fully\n"
        "-A KUBE-MARK-MASQ -j MARK --or-mark " +
        written.mark + "\n" + with_names(written.nat) + written.last;
    return table_of("mangle", {"KUBE-PROXY-CANARY"}, "") +
           table_of("filter",
                    {"KUBE-PROXY-CANARY", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES",
                     "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL", "KUBE-FIREWALL"},
                    filter) +
           table_of("nat", {"KUBE-PROXY-CANARY", "KUBE-NODEPORTS", "KUBE-SERVICES"}, nat);
  }

  void expect(const Cluster& cluster, const Written& written, Family family = Family::kIpv4) {
    const SaveText text{"written", whole(written)};
    const auto expected = netfilter::parse_save_texts({&text, 1});
    ASSERT_TRUE(expected) << expected.error().message << "\n" << text.text;
    Ruleset by_hand = expected->at(0);
    by_hand.family = family;
    const auto made = make_rules(family, world_, cluster, config_);
    ASSERT_TRUE(made) << made.error().message;
    const RuleComparison result = compare_rules(by_hand, *made);
    for (const RuleDifference& difference : result.differences) {
      for (const std::string& rule : difference.expected) ADD_FAILURE() << "not made: " << rule;
      for (const std::string& rule : difference.found) ADD_FAILURE() << "but made: " << rule;
    }
    EXPECT_TRUE(result.stale_chains.empty()) << result.stale_chains[0];
    EXPECT_TRUE(result.foreign_chains.empty()) << result.foreign_chains[0];
    EXPECT_EQ(result.foreign_rules, 0U);
  }

  World world_ = world();
  ProxyConfig config_ = cluster_cidr_config();
};

Service load_balancer() {
  Service lb = service("ns", "lb", "172.30.0.1");
  lb.type = ServiceType::kLoadBalancer;
  lb.load_balancer_ingress = {{"1.2.3.4", false}};
  return lb;
}

SliceEndpoint here(std::string address) {
  return endpoint(std::move(address), "node-a");
}

const std::string kOneEndpoint =
    "-A {SVC ns/svc:p80 tcp} -m comment --comment \"ns/svc:p80 -> 10.180.0.1:80\" -j "
    "{SEP ns/svc:p80 tcp 10.180.0.1:80}\n"
    "-A {SEP ns/svc:p80 tcp 10.180.0.1:80} -m comment --comment ns/svc:p80 -s 10.180.0.1 -j "
    "KUBE-MARK-MASQ\n"
    "-A {SEP ns/svc:p80 tcp 10.180.0.1:80} -m comment --comment ns/svc:p80 -m tcp -p tcp -j DNAT "
    "--to-destination 10.180.0.1:80\n";
const std::string kClusterIp =
    "-A KUBE-SERVICES -m comment --comment \"ns/svc:p80 cluster IP\" -m tcp -p tcp -d 172.30.0.1 "
    "--dport 80 -j {SVC ns/svc:p80 tcp}\n";

Cluster one_cluster_ip() {
  const Service svc = service("ns", "svc", "172.30.0.1");
  return cluster({svc}, {slice(svc, {endpoint("10.180.0.1")})});
}

std::string masquerade_unless(const std::string& local) {
  return "-A {SVC ns/svc:p80 tcp} -m comment --comment \"ns/svc:p80 cluster IP\" -m tcp -p tcp -d "
         "172.30.0.1 --dport 80 " +
         local + " -j KUBE-MARK-MASQ\n";
}

TEST_F(WholeRules, OfNothing) {
  expect(cluster({}, {}), {});
}

TEST_F(WholeRules, OfNothingInIpv6) {
  expect(cluster({}, {}), {.last = kToNodePortsButLoopback6, .guard = ""}, Family::kIpv6);
}

TEST_F(WholeRules, MasqueradeWhoIsOutsideTheClusterCidr) {
  expect(one_cluster_ip(),
         {.nat = kClusterIp + masquerade_unless("! -s 10.0.0.0/8") + kOneEndpoint});
}

TEST_F(WholeRules, MasqueradeWhoIsNotOfTheBridge) {
  config_.detect_local_mode = DetectLocalMode::kBridgeInterface;
  config_.bridge_interface = "cni0";
  expect(one_cluster_ip(), {.nat = kClusterIp + masquerade_unless("! -i cni0") + kOneEndpoint});
}

TEST_F(WholeRules, MasqueradeWhoIsNotOfInterfacesOfTheName) {
  config_.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
  config_.interface_name_prefix = "cali";
  expect(one_cluster_ip(), {.nat = kClusterIp + masquerade_unless("! -i cali+") + kOneEndpoint});
}

TEST_F(WholeRules, MasqueradeWhoIsOutsideTheNodesPods) {
  config_.detect_local_mode = DetectLocalMode::kNodeCidr;
  Cluster objects = one_cluster_ip();
  objects.nodes.begin()->second.pod_cidrs = {"fd00:10:180::/64", "10.180.0.0/24", "10.9.0.0/24"};
  expect(objects, {.nat = kClusterIp + masquerade_unless("! -s 10.180.0.0/24") + kOneEndpoint});
}

TEST_F(WholeRules, MasqueradeNobodyWhereLocalTrafficIsUnknown) {
  config_.cluster_cidrs = {"fd00:10::/32"};
  expect(one_cluster_ip(), {.nat = kClusterIp + kOneEndpoint});
}

TEST_F(WholeRules, MasqueradeEverybodyWithAnyMark) {
  config_.masquerade_all = true;
  config_.masquerade_bit = 31;
  expect(one_cluster_ip(),
         {.nat = kClusterIp + masquerade_unless("") + kOneEndpoint, .mark = "0x80000000"});
}

TEST_F(WholeRules, LetInvalidPacketsPassWhereConntrackIsLiberal) {
  world_.sysctls.tcp_be_liberal = true;
  expect(cluster({}, {}), {.drop_invalid = ""});
  config_.release_minor = 28;
  expect(cluster({}, {}), {});
}

TEST_F(WholeRules, KeepClientsAtTheirEndpoints) {
  Service svc = service("ns", "svc", "fd00:30::1");
  svc.ports = {{"", kUdp, 53, 0}};
  svc.client_ip_affinity = true;
  svc.affinity_timeout_seconds = 30;
  Cluster objects =
      cluster({svc}, {slice(svc, {endpoint("fd00:10:180::2"), endpoint("fd00:10:180::1")}, 5353)});
  expect(
      objects,
      {.nat =
           "-A KUBE-SERVICES -m comment --comment \"ns/svc cluster IP\" -m udp -p udp -d "
           "fd00:30::1 "
           "--dport 53 -j {SVC ns/svc udp}\n"
           "-A {SVC ns/svc udp} -m comment --comment \"ns/svc cluster IP\" -m udp -p udp -d "
           "fd00:30::1 --dport 53 ! -s fd00:10::/32 -j KUBE-MARK-MASQ\n"
           "-A {SVC ns/svc udp} -m comment --comment \"ns/svc -> [fd00:10:180::1]:5353\" -m recent "
           "--name {SEP ns/svc udp [fd00:10:180::1]:5353} --rcheck --seconds 30 --reap -j "
           "{SEP ns/svc udp [fd00:10:180::1]:5353}\n"
           "-A {SVC ns/svc udp} -m comment --comment \"ns/svc -> [fd00:10:180::2]:5353\" -m recent "
           "--name {SEP ns/svc udp [fd00:10:180::2]:5353} --rcheck --seconds 30 --reap -j "
           "{SEP ns/svc udp [fd00:10:180::2]:5353}\n"
           "-A {SVC ns/svc udp} -m comment --comment \"ns/svc -> [fd00:10:180::1]:5353\" -m "
           "statistic --mode random --probability 0.5000000000 -j "
           "{SEP ns/svc udp [fd00:10:180::1]:5353}\n"
           "-A {SVC ns/svc udp} -m comment --comment \"ns/svc -> [fd00:10:180::2]:5353\" -j "
           "{SEP ns/svc udp [fd00:10:180::2]:5353}\n"
           "-A {SEP ns/svc udp [fd00:10:180::1]:5353} -m comment --comment ns/svc -s "
           "fd00:10:180::1 -j KUBE-MARK-MASQ\n"
           "-A {SEP ns/svc udp [fd00:10:180::1]:5353} -m comment --comment ns/svc -m recent --name "
           "{SEP ns/svc udp [fd00:10:180::1]:5353} --set -m udp -p udp -j DNAT --to-destination "
           "[fd00:10:180::1]:5353\n"
           "-A {SEP ns/svc udp [fd00:10:180::2]:5353} -m comment --comment ns/svc -s "
           "fd00:10:180::2 -j KUBE-MARK-MASQ\n"
           "-A {SEP ns/svc udp [fd00:10:180::2]:5353} -m comment --comment ns/svc -m recent --name "
           "{SEP ns/svc udp [fd00:10:180::2]:5353} --set -m udp -p udp -j DNAT --to-destination "
           "[fd00:10:180::2]:5353\n",
       .last = kToNodePortsButLoopback6,
       .guard = ""},
      Family::kIpv6);
}

// What every load balancer below has in common.
const std::string kLoadBalancerEndpoint =
    "-A KUBE-SERVICES -m comment --comment \"ns/lb:p80 cluster IP\" -m tcp -p tcp -d 172.30.0.1 "
    "--dport 80 -j {SVC ns/lb:p80 tcp}\n"
    "-A {SVC ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 cluster IP\" -m tcp -p tcp -d "
    "172.30.0.1 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ\n"
    "-A {SVC ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 -> 10.180.0.1:80\" -j "
    "{SEP ns/lb:p80 tcp 10.180.0.1:80}\n"
    "-A {SEP ns/lb:p80 tcp 10.180.0.1:80} -m comment --comment ns/lb:p80 -s 10.180.0.1 -j "
    "KUBE-MARK-MASQ\n"
    "-A {SEP ns/lb:p80 tcp 10.180.0.1:80} -m comment --comment ns/lb:p80 -m tcp -p tcp -j DNAT "
    "--to-destination 10.180.0.1:80\n";
const std::string kExternalCluster =
    "-A {EXT ns/lb:p80 tcp} -m comment --comment \"masquerade traffic for ns/lb:p80 external "
    "destinations\" -j KUBE-MARK-MASQ\n"
    "-A {EXT ns/lb:p80 tcp} -j {SVC ns/lb:p80 tcp}\n";
const std::string kUnrestricted =
    "-A KUBE-SERVICES -m comment --comment \"ns/lb:p80 loadbalancer IP\" -m tcp -p tcp -d 1.2.3.4 "
    "--dport 80 -j {EXT ns/lb:p80 tcp}\n";

TEST_F(WholeRules, LetInWhoIsInASourceRange) {
  Service lb = load_balancer();
  lb.load_balancer_source_ranges = {" 203.0.113.0/24 ", "192.168.0.7/24", "2001:db8::/32", "x"};
  expect(
      cluster({lb}, {slice(lb, {endpoint("10.180.0.1")})}),
      {.filter = "-A KUBE-PROXY-FIREWALL -m comment --comment \"ns/lb:p80 traffic not accepted by "
                 "{FW ns/lb:p80 tcp}\" -m tcp -p tcp -d 1.2.3.4 --dport 80 -j DROP\n",
       .nat = "-A KUBE-SERVICES -m comment --comment \"ns/lb:p80 loadbalancer IP\" -m tcp -p tcp "
              "-d 1.2.3.4 --dport 80 -j {FW ns/lb:p80 tcp}\n"
              "-A {FW ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 loadbalancer IP\" -s "
              "203.0.113.0/24 -j {EXT ns/lb:p80 tcp}\n"
              "-A {FW ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 loadbalancer IP\" -s "
              "192.168.0.0/24 -j {EXT ns/lb:p80 tcp}\n"
              // The node's own address is in a range.
              "-A {FW ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 loadbalancer IP\" -s 1.2.3.4 "
              "-j {EXT ns/lb:p80 tcp}\n"
              "-A {FW ns/lb:p80 tcp} -m comment --comment \"other traffic to ns/lb:p80 will be "
              "dropped by KUBE-PROXY-FIREWALL\"\n" +
              kExternalCluster + kLoadBalancerEndpoint});
}

TEST_F(WholeRules, RestrictNobodyBySourceRangesOfTheOtherFamily) {
  Service lb = load_balancer();
  lb.load_balancer_source_ranges = {"2001:db8::/32"};
  expect(cluster({lb}, {slice(lb, {endpoint("10.180.0.1")})}),
         {.nat = kUnrestricted + kExternalCluster + kLoadBalancerEndpoint});
}

const std::string kExternalLocal =
    "-A {EXT ns/lb:p80 tcp} -m comment --comment \"pod traffic for ns/lb:p80 external "
    "destinations\" -s 10.0.0.0/8 -j {SVC ns/lb:p80 tcp}\n"
    "-A {EXT ns/lb:p80 tcp} -m comment --comment \"masquerade LOCAL traffic for ns/lb:p80 external "
    "destinations\" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ\n"
    "-A {EXT ns/lb:p80 tcp} -m comment --comment \"route LOCAL traffic for ns/lb:p80 external "
    "destinations\" -m addrtype --src-type LOCAL -j {SVC ns/lb:p80 tcp}\n";
const std::string kHealthCheck =
    "-A KUBE-NODEPORTS -m comment --comment \"ns/lb:p80 health check node port\" -m tcp -p tcp "
    "--dport 30000 -j ACCEPT\n";

TEST_F(WholeRules, OpenTheHealthCheckAndKeepToLocalEndpoints) {
  Service lb = load_balancer();
  lb.external_traffic_policy = TrafficPolicy::kLocal;
  lb.health_check_node_port = 30000;
  expect(cluster({lb}, {slice(lb, {here("10.180.0.1")})}),
         {.filter = kHealthCheck,
          .nat = kUnrestricted + kExternalLocal +
                 "-A {EXT ns/lb:p80 tcp} -j {SVL ns/lb:p80 tcp}\n"
                 "-A {SVL ns/lb:p80 tcp} -m comment --comment \"ns/lb:p80 -> 10.180.0.1:80\" -j "
                 "{SEP ns/lb:p80 tcp 10.180.0.1:80}\n" +
                 kLoadBalancerEndpoint});
}

TEST_F(WholeRules, DropWhatHasNoLocalEndpoint) {
  Service lb = load_balancer();
  lb.external_traffic_policy = TrafficPolicy::kLocal;
  lb.health_check_node_port = 30000;
  lb.ports[0].node_port = 3001;
  expect(cluster({lb}, {slice(lb, {endpoint("10.180.0.1")})}),
         {.filter = kHealthCheck +
                    "-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns/lb:p80 has no local "
                    "endpoints\" -m tcp -p tcp -d 1.2.3.4 --dport 80 -j DROP\n"
                    "-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns/lb:p80 has no local "
                    "endpoints\" -m addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j DROP\n",
          .nat = kUnrestricted +
                 "-A KUBE-NODEPORTS -m comment --comment ns/lb:p80 -m tcp -p tcp --dport 3001 -j "
                 "{EXT ns/lb:p80 tcp}\n" +
                 kExternalLocal + kLoadBalancerEndpoint});
}

TEST_F(WholeRules, RejectWhatHasNoEndpoint) {
  Service lb = load_balancer();
  lb.external_ips = {"192.0.2.1"};
  lb.ports[0].node_port = 3001;
  lb.load_balancer_source_ranges = {"203.0.113.0/24"};
  SliceEndpoint starting = endpoint("10.180.0.1");
  starting.ready = starting.serving = false;
  expect(
      cluster({lb}, {slice(lb, {starting})}),
      {.filter =
           "-A KUBE-SERVICES -m comment --comment \"ns/lb:p80 has no endpoints\" -m tcp -p tcp "
           "-d 172.30.0.1 --dport 80 -j REJECT\n"
           "-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns/lb:p80 has no endpoints\" -m tcp "
           "-p tcp -d 192.0.2.1 --dport 80 -j REJECT\n"
           "-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns/lb:p80 has no endpoints\" -m tcp "
           "-p tcp -d 1.2.3.4 --dport 80 -j REJECT\n"
           "-A KUBE-EXTERNAL-SERVICES -m comment --comment \"ns/lb:p80 has no endpoints\" -m "
           "addrtype --dst-type LOCAL -m tcp -p tcp --dport 3001 -j REJECT\n"});
}

TEST_F(WholeRules, FallBackToWhatTerminates) {
  SliceEndpoint leaving = endpoint("10.180.0.1");
  leaving.ready = false;
  leaving.terminating = true;
  const Service svc = service("ns", "svc", "172.30.0.1");
  expect(cluster({svc}, {slice(svc, {leaving})}),
         {.nat = kClusterIp + masquerade_unless("! -s 10.0.0.0/8") + kOneEndpoint});
}

TEST_F(WholeRules, KeepToTheZoneOfTheNode) {
  SliceEndpoint near = endpoint("10.180.0.1");
  near.zone_hints = {"zone-a"};
  SliceEndpoint far = endpoint("10.180.0.2");
  far.zone_hints = {"zone-b"};
  const Service svc = service("ns", "svc", "172.30.0.1");
  Cluster objects = cluster({svc}, {slice(svc, {near, far})});
  objects.nodes.begin()->second.labels["topology.kubernetes.io/zone"] = "zone-a";
  expect(objects, {.nat = kClusterIp + masquerade_unless("! -s 10.0.0.0/8") + kOneEndpoint});
}

TEST_F(WholeRules, NameTheAddressesThatServeNodePorts) {
  config_.node_port_addresses = {"192.168.0.0/16", "127.0.0.0/8"};
  const auto to = [](const std::string& address) {
    return "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must "
           "be the last rule in this chain\" -d " +
           address + " -j KUBE-NODEPORTS\n";
  };
  expect(cluster({}, {}), {.last = to("127.0.0.1") + to("192.168.0.2")});
  config_.localhost_node_ports = false;
  expect(cluster({}, {}), {.last = to("192.168.0.2"), .guard = ""});
  config_.localhost_node_ports = true;
  config_.node_port_addresses = {"primary"};
  expect(cluster({}, {}), {.last = to("192.168.0.2"), .guard = ""});
}

TEST_F(WholeRules, KeepLoopbackFromNodePorts) {
  config_.localhost_node_ports = false;
  expect(
      cluster({}, {}),
      {.last = "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this "
               "must be the last rule in this chain\" -m addrtype --dst-type LOCAL ! -d "
               "127.0.0.0/8 -j KUBE-NODEPORTS\n",
       .guard = ""});
}

// More than a thousand endpoints, wherever and whatever they are.
TEST_F(WholeRules, LeaveOutTheCommentsOfVeryManyEndpoints) {
  const Service svc = service("ns", "svc", "172.30.0.1");
  Service idle = service("ns", "idle", "172.30.0.2");
  std::vector<SliceEndpoint> starting;
  for (int i = 0; i < 1000; ++i) {
    starting.push_back(
        endpoint("10." + std::to_string(200 + i / 250) + ".0." + std::to_string(1 + i % 250)));
    starting.back().ready = starting.back().serving = false;
  }
  const std::string refused =
      "-A KUBE-SERVICES -m comment --comment \"ns/idle:p80 has no endpoints\" -m tcp -p tcp -d "
      "172.30.0.2 --dport 80 -j REJECT\n";
  expect(cluster({svc, idle}, {slice(svc, {endpoint("10.180.0.1")}), slice(idle, starting)}),
         {.filter = refused,
          .nat = kClusterIp + masquerade_unless("! -s 10.0.0.0/8") +
                 "-A {SVC ns/svc:p80 tcp} -j {SEP ns/svc:p80 tcp 10.180.0.1:80}\n"
                 "-A {SEP ns/svc:p80 tcp 10.180.0.1:80} -s 10.180.0.1 -j KUBE-MARK-MASQ\n"
                 "-A {SEP ns/svc:p80 tcp 10.180.0.1:80} -m tcp -p tcp -j DNAT --to-destination "
                 "10.180.0.1:80\n"});
  starting.pop_back();
  expect(
      cluster({svc, idle}, {slice(svc, {endpoint("10.180.0.1")}), slice(idle, starting)}),
      {.filter = refused, .nat = kClusterIp + masquerade_unless("! -s 10.0.0.0/8") + kOneEndpoint});
}

}  // namespace
}  // namespace kubeproof::proxier
