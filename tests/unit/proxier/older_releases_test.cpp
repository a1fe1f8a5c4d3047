// Rules as kube-proxy 1.20 to 1.26 wrote them (pkg/proxy/iptables/proxier.go and its unit tests at
// those releases), where they differ from today's: one service with a node port, an external IP and
// a load balancer's address.
#include <gtest/gtest.h>

#include "model/proxier/names.h"
#include "tests/unit/proxier/objects.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Ruleset;
using netfilter::TableName;
using Lines = std::vector<std::string>;

// The hash of ns/lb:p80, and its endpoint 10.180.0.1:80.
const ServicePortChains kChains{{{"ns", "lb"}, "p80", kTcp}};
const std::string kSvc = kChains.cluster;
const std::string kSvl = kChains.local;
const std::string kExt = kChains.external;
const std::string kFw = kChains.firewall;
const std::string kXlb = kChains.external_local;
const std::string kSep = endpoint_chain({{"ns", "lb"}, "p80", kTcp}, "10.180.0.1:80");

class OlderReleases : public testing::Test {
 protected:
  static Service exposed(TrafficPolicy policy = TrafficPolicy::kCluster) {
    Service lb = service("ns", "lb", "172.30.0.1");
    lb.type = ServiceType::kLoadBalancer;
    lb.ports[0].node_port = 30001;
    lb.external_ips = {"192.0.2.1"};
    lb.load_balancer_ingress = {{"1.2.3.4", false}};
    lb.external_traffic_policy = policy;
    lb.health_check_node_port = 31000;
    return lb;
  }

  // With one endpoint, on another node unless said otherwise.
  Ruleset rules(uint8_t minor, const Service& of, const char* node = "node-b",
                Family family = Family::kIpv4) {
    return rules(minor, cluster({of}, {slice(of, {endpoint("10.180.0.1", node)})}), family);
  }
  Ruleset rules(uint8_t minor, const Cluster& objects, Family family = Family::kIpv4) {
    config_.release_minor = minor;
    return *make_rules(family, world(), objects, config_);
  }

  static Lines nat(const Ruleset& rules, std::string_view chain) {
    return rules_of(rules, TableName::kNat, chain);
  }
  static Lines filter(const Ruleset& rules, std::string_view chain) {
    return rules_of(rules, TableName::kFilter, chain);
  }

  // Parts of rules as iptables-save prints them.
  static std::string to(const char* address, const char* comment) {
    return std::string("-d ") + address + "/32 -p tcp -m comment --comment \"ns/lb:p80 " + comment +
           "\" -m tcp --dport 80";
  }
  static std::string append(const std::string& chain, const std::string& rule) {
    return "-A " + chain + " " + rule;
  }

  const std::string cluster_ip_ = to("172.30.0.1", "cluster IP");
  const std::string external_ip_ = to("192.0.2.1", "external IP");
  const std::string vip_ = to("1.2.3.4", "loadbalancer IP");
  const std::string node_port_ = "-p tcp -m comment --comment \"ns/lb:p80\" -m tcp --dport 30001";
  const std::string to_node_ports_ =
      "-A KUBE-SERVICES -m comment --comment \"kubernetes service nodeports; NOTE: this must be "
      "the last rule in this chain\" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS";
  ProxyConfig config_ = cluster_cidr_config();
};

TEST_F(OlderReleases, Of120CaptureExternalIpsFromOffTheMachine) {
  const Ruleset made = rules(20, exposed());
  EXPECT_EQ(
      nat(made, "KUBE-SERVICES"),
      (Lines{append("KUBE-SERVICES", "! -s 10.0.0.0/8 " + cluster_ip_ + " -j KUBE-MARK-MASQ"),
             append("KUBE-SERVICES", cluster_ip_ + " -j " + kSvc),
             append("KUBE-SERVICES", external_ip_ + " -j KUBE-MARK-MASQ"),
             append("KUBE-SERVICES", external_ip_ +
                                         " -m physdev ! --physdev-is-in -m addrtype ! --src-type "
                                         "LOCAL -j " +
                                         kSvc),
             append("KUBE-SERVICES", external_ip_ + " -m addrtype --dst-type LOCAL -j " + kSvc),
             append("KUBE-SERVICES", vip_ + " -j " + kFw), to_node_ports_}));
  EXPECT_EQ(nat(made, "KUBE-NODEPORTS"),
            (Lines{append("KUBE-NODEPORTS", node_port_ + " -j KUBE-MARK-MASQ"),
                   append("KUBE-NODEPORTS", node_port_ + " -j " + kSvc)}));
  EXPECT_EQ(nat(made, kSvc), Lines{append(kSvc, "-m comment --comment \"ns/lb:p80\" -j " + kSep)});
}

TEST_F(OlderReleases, Since121CaptureExternalIpsFromEverywhere) {
  EXPECT_EQ(
      nat(rules(21, exposed()), "KUBE-SERVICES"),
      (Lines{append("KUBE-SERVICES", "! -s 10.0.0.0/8 " + cluster_ip_ + " -j KUBE-MARK-MASQ"),
             append("KUBE-SERVICES", cluster_ip_ + " -j " + kSvc),
             append("KUBE-SERVICES", "! -s 10.0.0.0/8 " + external_ip_ + " -j KUBE-MARK-MASQ"),
             append("KUBE-SERVICES", external_ip_ + " -j " + kSvc),
             append("KUBE-SERVICES", vip_ + " -j " + kFw), to_node_ports_}));
  config_.cluster_cidrs.clear();
  EXPECT_EQ(nat(rules(21, exposed()), "KUBE-SERVICES")[1],
            append("KUBE-SERVICES", external_ip_ + " -j KUBE-MARK-MASQ"));
}

TEST_F(OlderReleases, Since122MasqueradeInTheChainOfTheService) {
  for (const uint8_t minor : {22, 23}) {
    const Ruleset made = rules(minor, exposed());
    EXPECT_EQ(nat(made, "KUBE-SERVICES"),
              (Lines{append("KUBE-SERVICES", cluster_ip_ + " -j " + kSvc),
                     append("KUBE-SERVICES", external_ip_ + " -j " + kSvc),
                     append("KUBE-SERVICES", vip_ + " -j " + kFw), to_node_ports_}));
    EXPECT_EQ(nat(made, "KUBE-NODEPORTS"),
              Lines{append("KUBE-NODEPORTS", node_port_ + " -j " + kSvc)});
    EXPECT_EQ(nat(made, kSvc),
              (Lines{append(kSvc, "! -s 10.0.0.0/8 " + cluster_ip_ + " -j KUBE-MARK-MASQ"),
                     append(kSvc, "! -s 10.0.0.0/8 " + external_ip_ + " -j KUBE-MARK-MASQ"),
                     append(kSvc, node_port_ + " -j KUBE-MARK-MASQ"),
                     append(kSvc, "-m comment --comment \"ns/lb:p80\" -j " + kSep)}));
  }
}

TEST_F(OlderReleases, UpTo123MasqueradeBeforeTheyLookAtTheSource) {
  Service ranged = exposed();
  ranged.load_balancer_ingress.push_back({"1.2.3.5", false});
  ranged.load_balancer_source_ranges = {"203.0.113.0/24", "192.168.0.0/24"};
  const std::string of_vip = "-m comment --comment \"ns/lb:p80 loadbalancer IP\" -j ";
  const auto from = [&](const char* source, const std::string& chain) {
    return append(kFw, std::string("-s ") + source + " " + of_vip + chain);
  };
  for (const uint8_t minor : {20, 21, 22, 23}) {
    EXPECT_EQ(nat(rules(minor, ranged), kFw),
              (Lines{append(kFw, of_vip + "KUBE-MARK-MASQ"), from("203.0.113.0/24", kSvc),
                     from("192.168.0.0/24", kSvc), from("1.2.3.4/32", kSvc),
                     append(kFw, of_vip + "KUBE-MARK-DROP"), append(kFw, of_vip + "KUBE-MARK-MASQ"),
                     from("203.0.113.0/24", kSvc), from("192.168.0.0/24", kSvc),
                     from("1.2.3.5/32", kSvc), append(kFw, of_vip + "KUBE-MARK-DROP")}));
    EXPECT_EQ(nat(rules(minor, exposed()), kFw),
              (Lines{append(kFw, of_vip + "KUBE-MARK-MASQ"), append(kFw, of_vip + kSvc),
                     append(kFw, of_vip + "KUBE-MARK-DROP")}));
  }
  EXPECT_EQ(nat(rules(24, ranged), kFw),
            (Lines{from("203.0.113.0/24", kExt), from("192.168.0.0/24", kExt),
                   from("1.2.3.4/32", kExt), append(kFw, of_vip + "KUBE-MARK-DROP"),
                   from("203.0.113.0/24", kExt), from("192.168.0.0/24", kExt),
                   from("1.2.3.5/32", kExt), append(kFw, of_vip + "KUBE-MARK-DROP")}));
  EXPECT_EQ(nat(rules(26, ranged), kFw),
            (Lines{from("203.0.113.0/24", kExt), from("192.168.0.0/24", kExt),
                   from("1.2.3.4/32", kExt), from("1.2.3.5/32", kExt)}));
  EXPECT_EQ(nat(rules(27, ranged), kFw).size(), 5U);
}

TEST_F(OlderReleases, UpTo123HaveAChainForTheLocalPolicy) {
  const Service local = exposed(TrafficPolicy::kLocal);
  const Lines head = {
      append(kXlb,
             "-s 10.0.0.0/8 -m comment --comment \"Redirect pods trying to reach external "
             "loadbalancer VIP to clusterIP\" -j " +
                 kSvc),
      append(kXlb,
             "-m comment --comment \"masquerade LOCAL traffic for ns/lb:p80 LB IP\" -m addrtype "
             "--src-type LOCAL -j KUBE-MARK-MASQ"),
      append(kXlb,
             "-m comment --comment \"route LOCAL traffic for ns/lb:p80 LB IP to service chain\" "
             "-m addrtype --src-type LOCAL -j " +
                 kSvc)};
  const auto with = [&](const std::string& last) {
    Lines lines = head;
    lines.push_back(append(kXlb, last));
    return lines;
  };
  for (const uint8_t minor : {20, 23}) {
    const Ruleset elsewhere = rules(minor, local);
    EXPECT_EQ(nat(elsewhere, kXlb),
              with("-m comment --comment \"ns/lb:p80 has no local endpoints\" -j KUBE-MARK-DROP"));
    EXPECT_TRUE(filter(elsewhere, "KUBE-EXTERNAL-SERVICES").empty());
    EXPECT_EQ(
        nat(elsewhere, "KUBE-NODEPORTS"),
        (Lines{append("KUBE-NODEPORTS", "-s 127.0.0.0/8 " + node_port_ + " -j KUBE-MARK-MASQ"),
               append("KUBE-NODEPORTS", node_port_ + " -j " + kXlb)}));
    EXPECT_EQ(nat(elsewhere, kFw)[0],
              append(kFw, "-m comment --comment \"ns/lb:p80 loadbalancer IP\" -j " + kXlb));
  }
  EXPECT_EQ(nat(rules(22, local, "node-a"), kXlb),
            with("-m comment --comment \"Balancing rule 0 for ns/lb:p80\" -j " + kSep));
  EXPECT_EQ(nat(rules(23, local, "node-a"), kXlb),
            with("-m comment --comment \"ns/lb:p80\" -j " + kSep));
  EXPECT_TRUE(nat(rules(23, cluster({local}, {})), kXlb).empty());
}

TEST_F(OlderReleases, Of124MarkForDropBehindThePolicyChains) {
  Service local = exposed(TrafficPolicy::kLocal);
  local.internal_traffic_policy = TrafficPolicy::kLocal;
  const Ruleset made = rules(24, local);
  EXPECT_EQ(nat(made, kSvl),
            (Lines{append(kSvl, "! -s 10.0.0.0/8 " + cluster_ip_ + " -j KUBE-MARK-MASQ"),
                   append(kSvl,
                          "-m comment --comment \"ns/lb:p80 has no local endpoints\" -j "
                          "KUBE-MARK-DROP")}));
  EXPECT_EQ(nat(made, kExt).back(), append(kExt, "-j " + kSvl));
  EXPECT_EQ(nat(made, "KUBE-SERVICES")[0], append("KUBE-SERVICES", cluster_ip_ + " -j " + kSvl));
  EXPECT_TRUE(filter(made, "KUBE-SERVICES").empty());
  EXPECT_TRUE(filter(made, "KUBE-EXTERNAL-SERVICES").empty());
  EXPECT_EQ(filter(made, "KUBE-PROXY-FIREWALL"), Lines{"no such chain"});
  EXPECT_EQ(filter(rules(25, local), "KUBE-SERVICES").size(), 1U);
}

TEST_F(OlderReleases, UpTo126RelyOnChainsOfTheKubelet) {
  const Lines marked = {
      "-A KUBE-FIREWALL -m comment --comment \"kubernetes firewall for dropping marked packets\" "
      "-m mark --mark 0x8000/0x8000 -j DROP"};
  Lines guarded = marked;
  guarded.push_back(
      "-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment \"block incoming "
      "localnet connections\" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP");
  config_.localhost_node_ports = false;
  for (const uint8_t minor : {20, 24, 26}) {
    const Ruleset made = rules(minor, cluster({}, {}));
    EXPECT_EQ(filter(made, "KUBE-FIREWALL"), guarded);
    EXPECT_EQ(nat(made, "KUBE-MARK-DROP"),
              Lines{"-A KUBE-MARK-DROP -j MARK --set-xmark 0x8000/0x8000"});
    EXPECT_EQ(filter(rules(minor, cluster({}, {}), Family::kIpv6), "KUBE-FIREWALL"), marked);
  }
  EXPECT_TRUE(filter(rules(27, cluster({}, {})), "KUBE-FIREWALL").empty());
  EXPECT_EQ(nat(rules(27, cluster({}, {})), "KUBE-MARK-DROP"), Lines{"no such chain"});
}

TEST_F(OlderReleases, HookInTheChainsThatTheyHave) {
  const auto chains_from = [&](uint8_t minor, const char* chain) {
    Lines targets;
    for (const std::string& line : filter(rules(minor, cluster({}, {})), chain)) {
      targets.push_back(line.substr(line.rfind(' ') + 1));
    }
    return targets;
  };
  EXPECT_EQ(chains_from(20, "INPUT"), (Lines{"KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL"}));
  EXPECT_EQ(chains_from(24, "INPUT"),
            (Lines{"KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES", "KUBE-FIREWALL"}));
  EXPECT_EQ(chains_from(25, "INPUT")[0], "KUBE-PROXY-FIREWALL");
  EXPECT_EQ(chains_from(24, "FORWARD"),
            (Lines{"KUBE-FORWARD", "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES"}));
  EXPECT_EQ(filter(rules(22, cluster({}, {})), "KUBE-FORWARD").size(), 4U);
  EXPECT_EQ(filter(rules(23, cluster({}, {})), "KUBE-FORWARD").size(), 3U);
}

TEST_F(OlderReleases, Since121AcceptHealthChecks) {
  const Service local = exposed(TrafficPolicy::kLocal);
  EXPECT_EQ(filter(rules(20, local), "KUBE-NODEPORTS"), Lines{"no such chain"});
  for (const uint8_t minor : {21, 23, 24}) {
    EXPECT_EQ(filter(rules(minor, local), "KUBE-NODEPORTS"),
              Lines{"-A KUBE-NODEPORTS -p tcp -m comment --comment \"ns/lb:p80 health check node "
                    "port\" -m tcp --dport 31000 -j ACCEPT"});
  }
}

TEST_F(OlderReleases, RejectWithoutAnyEndpoint) {
  for (const uint8_t minor : {20, 23, 24}) {
    const Ruleset made = rules(minor, cluster({exposed()}, {}));
    EXPECT_EQ(filter(made, "KUBE-SERVICES").size(), 1U);
    EXPECT_EQ(filter(made, "KUBE-EXTERNAL-SERVICES").size(), 3U);
    EXPECT_EQ(nat(made, "KUBE-SERVICES"), Lines{to_node_ports_});
  }
}

TEST_F(OlderReleases, UpTo125ServeNodePortsOnLoopback) {
  config_.localhost_node_ports = false;
  const auto last = [&](uint8_t minor, Family family) {
    return nat(rules(minor, cluster({}, {}), family), "KUBE-SERVICES").back();
  };
  EXPECT_EQ(last(25, Family::kIpv4), to_node_ports_);
  EXPECT_EQ(last(25, Family::kIpv6), to_node_ports_);
  EXPECT_NE(last(26, Family::kIpv4).find("! -d 127.0.0.0/8"), std::string::npos);
  EXPECT_NE(last(26, Family::kIpv6).find("! -d ::1/128"), std::string::npos);

  config_.node_port_addresses = {"::1/128", "127.0.0.0/8"};
  EXPECT_NE(last(25, Family::kIpv6).find("-d ::1/128"), std::string::npos);
  EXPECT_TRUE(nat(rules(26, cluster({}, {}), Family::kIpv6), "KUBE-SERVICES").empty());
}

TEST_F(OlderReleases, UpTo126HaveNoNodePortsWithoutAnAddress) {
  config_.node_port_addresses = {"198.51.100.0/24"};
  const Service local = exposed(TrafficPolicy::kLocal);
  for (const uint8_t minor : {23, 24, 26}) {
    EXPECT_TRUE(nat(rules(minor, local), "KUBE-NODEPORTS").empty());
    EXPECT_TRUE(filter(rules(minor, cluster({}, {})), "KUBE-EXTERNAL-SERVICES").empty());
    EXPECT_EQ(filter(rules(minor, local), "KUBE-NODEPORTS").size(), 1U);
    EXPECT_FALSE(nat(rules(minor, local), kSvc).empty());
  }
  EXPECT_FALSE(nat(rules(27, local), "KUBE-NODEPORTS").empty());
  // Nor anything else that comes after them.
  EXPECT_TRUE(filter(rules(22, local), "KUBE-NODEPORTS").empty());
  EXPECT_EQ(nat(rules(22, local), kSvc).size(), 1U) << "who is masqueraded";
  EXPECT_EQ(nat(rules(22, local), kSep), Lines{"no such chain"});
}

}  // namespace
}  // namespace kubeproof::proxier
