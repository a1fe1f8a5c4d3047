#include "replay/case/write_case.h"

#include "replay/case/ingress_text.h"
#include "tests/unit/case/case_fixture.h"

namespace kubeproof {
namespace {

class WriteCaseTest : public CaseTest {
 protected:
  // What is left of a case after it was written and read again.
  Case again(const Case& written) {
    EXPECT_TRUE(write_case(written, path("again.json")));
    return read(path("again.json"));
  }

  void expect_same(const Case& a, const Case& b, const std::string& what) {
    EXPECT_EQ(case_text(a, folder_.path()), case_text(b, folder_.path())) << what;
    EXPECT_EQ(a.steps.size(), b.steps.size()) << what;
    EXPECT_EQ(a.world.interfaces.size(), b.world.interfaces.size()) << what;
    EXPECT_EQ(a.world.routes.size(), b.world.routes.size()) << what;
    EXPECT_EQ(a.snapshot.objects.json, b.snapshot.objects.json) << what;
  }
};

TEST_F(WriteCaseTest, EveryKindOfStepComesBack) {
  const Case written = read(with_steps(
      "  - flow: { from: \"2001:db8::9\", to: \"[fd96::a]:53\", protocol: UDP, sourcePort: 4000,\n"
      "            repeat: 3, ttl: 9, payload: x, reply: false, ingress: \"pod:10.180.0.5\" }\n"
      "    expect:\n"
      "      { verdict: dnat, masquerade: true, endpoints: [\"[fd00::1]:53\",\n"
      "        { address: \"[fd00::2]:53\", masquerade: false }] }\n"
      "  - packet: { ingress: host, hex: \"4500\", mark: 7 }\n"
      "  - advance: 90ms\n"
      "  - apply: [{ kind: Pod, apiVersion: v1, metadata: { name: p }, status: {} }]\n"
      "  - delete: [{ kind: Pod, namespace: default, name: p }, { kind: Node, name: node-b }]\n"));
  const Case back = again(written);
  expect_same(written, back, "");
  const auto& flow = std::get<FlowStep>(back.steps.at(0));
  EXPECT_EQ(flow.source_port, 4000);
  EXPECT_EQ(flow.repeat, 3U);
  EXPECT_EQ(flow.ttl, 9);
  EXPECT_EQ(flow.payload, "x");
  EXPECT_FALSE(flow.reply);
  EXPECT_EQ(back.world.describe(flow.ingress), "pod 10.180.0.5 (pod1)");
  EXPECT_EQ(flow.expect->endpoints->at(1).masquerade, false);
  EXPECT_EQ(std::get<PacketStep>(back.steps.at(1)).mark, 7U);
  EXPECT_TRUE(std::get<PacketStep>(back.steps.at(1)).ingress.is_host());
  EXPECT_EQ(std::get<AdvanceStep>(back.steps.at(2)).duration, std::chrono::milliseconds(90));
  EXPECT_EQ(std::get<ApplyStep>(back.steps.at(3)).objects.json.size(), 1U);
  EXPECT_EQ(std::get<DeleteStep>(back.steps.at(4)).objects.size(), 2U);
}

TEST_F(WriteCaseTest, DeprecatedAddressesAndPeersComeBack) {
  const Case written =
      read(with_steps("  - packet: { ingress: host, hex: \"4500\" }\n",
                      "  interfaces:\n"
                      "    - { ifindex: 1, ifname: lo, link_type: loopback, addr_info: [] }\n"
                      "    - { ifindex: 2, ifname: eth0, addr_info: [\n"
                      "        { local: 10.9.0.1, address: 10.10.0.2, prefixlen: 24 },\n"
                      "        { local: \"fd00::1\", prefixlen: 64, deprecated: true }] }\n"));
  const auto& addresses = again(written).world.interfaces.at(1).addresses;
  EXPECT_EQ(addresses.at(0).peer, IpAddress::parse("10.10.0.2").value());
  EXPECT_FALSE(addresses.at(0).deprecated);
  EXPECT_FALSE(addresses.at(1).peer);
  EXPECT_TRUE(addresses.at(1).deprecated);
}

TEST_F(WriteCaseTest, CapturedPacketsComeBack) {
  const Case written =
      read(with_steps("  - captured: { ingress: uplink, hex: \"4500\", departures: [{ interface: "
                      "pod1, hex: \"4501\" },\n"
                      "      { hex: \"4502\", answer: true, loopback: true }] }\n"
                      "  - captured: { ingress: host, hex: \"4500\", departures: [] }\n"
                      "  - captured: { ingress: host, hex: \"4500\", asItLeft: true }\n"));
  const Case back = again(written);
  expect_same(written, back, "");
  const CapturedPacket& packet = std::get<CapturedStep>(back.steps.at(0)).packet;
  ASSERT_EQ(packet.departures.size(), 2U);
  EXPECT_EQ(packet.departures[0].interface, back.world.find_interface("pod1")->index);
  EXPECT_EQ(packet.departures[0].packet, (Bytes{0x45, 0x01}));
  EXPECT_FALSE(packet.departures[1].interface);
  EXPECT_TRUE(packet.departures[1].is_answer);
  EXPECT_TRUE(packet.departures[1].loopback);
  EXPECT_TRUE(std::get<CapturedStep>(back.steps.at(1)).packet.departures_complete);
  EXPECT_FALSE(std::get<CapturedStep>(back.steps.at(2)).packet.departures_complete);
  EXPECT_TRUE(std::get<CapturedStep>(back.steps.at(2)).packet.as_it_left);
}

TEST_F(WriteCaseTest, TheNodesWorldComesBack) {
  const Case written = read(write("world.yaml", R"(
kubeproof: v1
node:
  name: a
  addresses: [10.0.0.1/16]
  podCIDRs: [10.180.0.0/24]
  interfaces:
    - { ifindex: 1, ifname: lo, mtu: 65536, link_type: loopback,
        addr_info: [{ family: inet, local: 127.0.0.1, prefixlen: 8, scope: host }] }
    - { ifindex: 3, ifname: ens3, mtu: 9000, link_type: ether, address: "02:00:00:00:00:07",
        addr_info: [{ family: inet, local: 10.0.0.1, prefixlen: 16, scope: global, broadcast: 10.0.255.255 },
                    { family: inet, local: 10.0.0.2, prefixlen: 16, scope: global, secondary: true }] }
  routes:
    - { dst: default, gateway: 10.0.0.9, dev: ens3, metric: 100, prefsrc: 10.0.0.1 }
    - { type: blackhole, dst: 10.9.0.0/16 }
    - { dst: default, gateway: "fe80::1", dev: ens3 }
  sysctls: { net.ipv4.ip_forward: 1, net.netfilter.nf_conntrack_tcp_loose: 0 }
)"));
  const Case back = again(written);
  expect_same(written, back, "");
  const Interface& uplink = back.world.uplink();
  EXPECT_EQ(uplink.mtu, 9000U);
  EXPECT_EQ(uplink.mac->back(), 7);
  EXPECT_TRUE(uplink.addresses.at(1).secondary);
  EXPECT_EQ(uplink.addresses.at(0).broadcast->to_string(), "10.0.255.255");
  ASSERT_EQ(back.world.routes.size(), 3U);
  EXPECT_EQ(back.world.routes[0].metric, 100U);
  EXPECT_EQ(back.world.routes[0].preferred_source->to_string(), "10.0.0.1");
  EXPECT_EQ(back.world.routes[1].type, RouteType::kBlackhole);
  EXPECT_EQ(back.world.routes[2].destination.to_string(), "::/0");
  EXPECT_FALSE(back.world.sysctls.tcp_loose);
}

TEST_F(WriteCaseTest, TheProxysConfigurationComesBack) {
  const Case written = read(write("proxy.yaml", R"(
kubeproof: v1
node: { name: a, addresses: [10.0.0.1] }
proxy:
  clusterCIDR: "10.180.0.0/16,fd00::/56"
  detectLocalMode: InterfaceNamePrefix
  detectLocal: { interfaceNamePrefix: cali }
  nodePortAddresses: [10.0.0.0/8]
  bindAddress: 10.0.0.1
  hostnameOverride: b
  iptables: { masqueradeBit: 5, masqueradeAll: true, localhostNodePorts: false }
  conntrack: { tcpBeLiberal: true, tcpEstablishedTimeout: 0s, udpTimeout: 10s }
  featureGates: { AllowServiceExternalIPs: false }
  proxyVersion: v1.33
)"));
  const Case back = again(written);
  expect_same(written, back, "");
  const ProxyConfig& proxy = back.snapshot.proxy;
  EXPECT_EQ(proxy.cluster_cidrs.size(), 2U);
  EXPECT_EQ(proxy.detect_local_mode, DetectLocalMode::kInterfaceNamePrefix);
  EXPECT_EQ(proxy.interface_name_prefix, "cali");
  EXPECT_EQ(proxy.node_port_addresses.size(), 1U);
  EXPECT_EQ(proxy.bind_address, "10.0.0.1");
  EXPECT_EQ(proxy.hostname_override, "b");
  EXPECT_EQ(proxy.masquerade_bit, 5);
  EXPECT_TRUE(proxy.masquerade_all && proxy.tcp_be_liberal);
  EXPECT_FALSE(proxy.localhost_node_ports || proxy.allow_service_external_ips);
  EXPECT_FALSE(proxy.timeouts.tcp_established);
  EXPECT_EQ(proxy.timeouts.tcp_close_wait, std::chrono::hours(1));
  EXPECT_EQ(proxy.timeouts.udp, std::chrono::seconds(10));
  EXPECT_EQ(proxy.release_minor, 33);
}

TEST_F(WriteCaseTest, EveryCaseOfTheCorpusComesBack) {
  size_t cases = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(KUBEPROOF_CASES)) {
    if (entry.path().extension() != ".yaml") continue;
    const Case written = read(entry.path().string());
    expect_same(written, again(written), entry.path().string());
    ++cases;
  }
  EXPECT_GT(cases, 30U);
}

TEST_F(WriteCaseTest, NamesAFileThatItCannotWrite) {
  const auto written = write_case(read(with_steps("  []\n")), path("no/such.json"));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, path("no/such.json") + ": No such file or directory");
}

TEST_F(WriteCaseTest, IngressesAreWrittenAsTheyAreRead) {
  const World world = read(with_steps("  []\n")).world;
  for (const char* text : {"uplink", "host", "pod:10.180.0.5"}) {
    EXPECT_EQ(ingress_text(parse_ingress(text, world).value(), world), text);
  }
  EXPECT_EQ(ingress_text(parse_ingress("pod1", world).value(), world), "pod:10.180.0.5");
}

}  // namespace
}  // namespace kubeproof
