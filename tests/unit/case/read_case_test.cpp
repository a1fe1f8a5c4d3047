#include "replay/case/read_case.h"

#include "model/packet/packet_builder.h"
#include "replay/capture/capture_writer.h"
#include "tests/unit/case/case_fixture.h"

namespace kubeproof {
namespace {

class ReadCaseTest : public CaseTest {
 protected:
  template <class T>
  T only_step(const std::string& steps) {
    const Case read = CaseTest::read(with_steps(steps));
    EXPECT_EQ(read.steps.size(), 1U);
    return std::get<T>(read.steps.at(0));
  }

  void write_capture(const std::string& name, std::string_view source) {
    auto writer = CaptureWriter::create(path(name)).value();
    writer.write({}, PacketBuilder::udp(source, "10.96.0.10:53").build());
    ASSERT_TRUE(writer.finish());
  }
};

TEST_F(ReadCaseTest, ReadsWhatACaseSaysOfItself) {
  const Case read = CaseTest::read(write("a.json", R"({
    "kubeproof": "v1", "name": "n", "description": "d", "tags": ["t", "u"],
    "node": { "name": "node-a", "addresses": ["192.168.0.2"] },
    "proxy": { "clusterCIDR": "10.180.0.0/16", "iptables": { "masqueradeAll": true } },
    "steps": [] })"));
  EXPECT_EQ(read.name, "n");
  EXPECT_EQ(read.description, "d");
  EXPECT_EQ(read.tags, (std::vector<std::string>{"t", "u"}));
  EXPECT_EQ(read.world.node_name, "node-a");
  EXPECT_TRUE(read.configuration().proxy.masquerade_all);
  EXPECT_TRUE(read.world.is_local(*IpAddress::parse("192.168.0.2")));
}

TEST_F(ReadCaseTest, IsNamedAfterItsFileWhereItHasNoName) {
  EXPECT_EQ(CaseTest::read(with_steps("  []\n")).name, "case");
}

TEST_F(ReadCaseTest, AFlowHasDefaults) {
  const auto flow = only_step<FlowStep>("  - flow: { from: 203.0.113.9, to: \"10.96.0.10:80\" }\n");
  EXPECT_EQ(flow.from.to_string(), "203.0.113.9");
  EXPECT_EQ(flow.to.to_string(), "10.96.0.10:80");
  EXPECT_EQ(flow.protocol, kTcp);
  EXPECT_EQ(flow.ttl, 64);
  EXPECT_EQ(flow.repeat, 1U);
  EXPECT_TRUE(flow.reply);
  EXPECT_FALSE(flow.source_port || flow.payload || flow.expect);
}

TEST_F(ReadCaseTest, AFlowHasOptions) {
  const auto flow = only_step<FlowStep>(
      "  - flow: { from: \"fd00::9\", to: \"[fd96::a]:53\", protocol: UDP, sourcePort: 4000,\n"
      "            repeat: 3, ttl: 9, payload: x, reply: false, ingress: host }\n");
  EXPECT_EQ(flow.protocol, kUdp);
  EXPECT_EQ(flow.source_port, 4000);
  EXPECT_EQ(flow.repeat, 3U);
  EXPECT_EQ(flow.ttl, 9);
  EXPECT_EQ(flow.payload, "x");
  EXPECT_FALSE(flow.reply);
  EXPECT_TRUE(flow.ingress.is_host());
}

TEST_F(ReadCaseTest, AFlowEntersWhereItsSourceIs) {
  const Case read = CaseTest::read(with_steps(
      "  - flow: { from: 203.0.113.9, to: \"10.96.0.10:80\" }\n"
      "  - flow: { from: 192.168.0.2, to: \"10.96.0.10:80\" }\n"
      "  - flow: { from: 10.180.0.5, to: \"10.96.0.10:80\" }\n"
      "  - flow: { from: 10.180.0.77, to: \"10.96.0.10:80\" }\n"  // of the pod CIDR, no object
      "  - flow: { from: 203.0.113.9, to: \"10.96.0.10:80\", ingress: \"pod:10.180.0.5\" }\n"
      "  - flow: { from: 203.0.113.9, to: \"10.96.0.10:80\", ingress: eth0 }\n"));
  const auto ingress = [&](size_t step) { return std::get<FlowStep>(read.steps.at(step)).ingress; };
  EXPECT_EQ(ingress(0), Ingress{read.world.uplink().index});
  EXPECT_TRUE(ingress(1).is_host());
  EXPECT_EQ(read.world.describe(ingress(2)), "pod 10.180.0.5 (pod1)");
  EXPECT_EQ(read.world.describe(ingress(3)), "pod 10.180.0.77 (pod2)");
  EXPECT_EQ(ingress(4), ingress(2));
  EXPECT_EQ(ingress(5), ingress(0));
}

TEST_F(ReadCaseTest, AnExpectationTellsVerdictEndpointsAndMasquerade) {
  const auto flow = only_step<FlowStep>(
      "  - flow: { from: 203.0.113.9, to: \"10.96.0.10:80\" }\n"
      "    expect:\n"
      "      verdict: dnat\n"
      "      masquerade: false\n"
      "      endpoints: [\"10.180.0.5:80\", { address: \"10.180.0.6:80\", masquerade: true }]\n");
  ASSERT_TRUE(flow.expect && flow.expect->endpoints);
  EXPECT_EQ(flow.expect->verdict, ExpectedVerdict::kDnat);
  EXPECT_EQ(flow.expect->masquerade, false);
  ASSERT_EQ(flow.expect->endpoints->size(), 2U);
  EXPECT_FALSE(flow.expect->endpoints->at(0).masquerade);
  EXPECT_EQ(flow.expect->endpoints->at(1).address.to_string(), "10.180.0.6:80");
  EXPECT_EQ(flow.expect->endpoints->at(1).masquerade, true);
}

TEST_F(ReadCaseTest, APacketIsHexadecimal) {
  const auto packet = only_step<PacketStep>(
      "  - packet: { hex: \"4500001c 00010000 4011f6ce 0ab40005 0a60000a 0007 0008 0008 0000\","
      " mark: 16384 }\n");
  EXPECT_EQ(packet.packet.size(), 28U);
  EXPECT_EQ(packet.packet[0], 0x45);
  EXPECT_EQ(packet.mark, 0x4000U);
  EXPECT_EQ(packet.ingress.interface, 10U);  // the pod 10.180.0.5
}

TEST_F(ReadCaseTest, APacketWithoutASourceMustSayWhereItEnters) {
  EXPECT_EQ(only_step<PacketStep>("  - packet: { ingress: uplink, hex: ff }\n").packet,
            Bytes{0xff});
  EXPECT_EQ(error_of(with_steps("  - packet: { hex: ff }\n")),
            "case.yaml:13: steps[0].packet.ingress: expected a string, found nothing");
}

TEST_F(ReadCaseTest, TimePasses) {
  EXPECT_EQ(only_step<AdvanceStep>("  - advance: 1m30s\n").duration, std::chrono::seconds(90));
}

TEST_F(ReadCaseTest, ObjectsComeAndGo) {
  const Case read = CaseTest::read(with_steps(
      "  - apply:\n"
      "      - { kind: Pod, apiVersion: v1, metadata: { name: late }, spec: { nodeName: node-a },\n"
      "          status: { podIPs: [{ ip: 10.181.0.9 }] } }\n"
      "  - delete: [{ kind: Pod, name: web }, { kind: Node, name: node-b }]\n"));
  EXPECT_EQ(std::get<ApplyStep>(read.steps.at(0)).objects.cluster.pods.size(), 1U);
  const auto& gone = std::get<DeleteStep>(read.steps.at(1)).objects;
  EXPECT_EQ(gone.at(0).to_string(), "Pod default/web");
  EXPECT_EQ(gone.at(1).to_string(), "Node node-b");
  // The world has room for the pod from the beginning.
  EXPECT_EQ(read.world.describe(read.world.ingress_for_source(*IpAddress::parse("10.181.0.9"))),
            "pod 10.181.0.9 (pod2)");
}

TEST_F(ReadCaseTest, CapturesAreBesideTheCaseAndTheirPodsInTheWorld) {
  write_capture("a.pcap", "10.180.0.33:7");
  write_capture("b.pcap", "10.180.0.34:7");
  const Case read =
      CaseTest::read(with_steps("  - capture: a.pcap\n  - capture: [a.pcap, b.pcap]\n"));
  EXPECT_EQ(std::get<CaptureStep>(read.steps.at(0)).files, std::vector{path("a.pcap")});
  EXPECT_EQ(std::get<CaptureStep>(read.steps.at(1)).files.size(), 2U);
  EXPECT_EQ(read.world.describe(read.world.ingress_for_source(*IpAddress::parse("10.180.0.34"))),
            "pod 10.180.0.34 (pod3)");
}

TEST_F(ReadCaseTest, ACaptureThatIsMissingIsAnErrorBeforeAnythingRuns) {
  EXPECT_EQ(error_of(with_steps("  - capture: none.pcap\n")),
            "none.pcap: No such file or directory");
}

TEST_F(ReadCaseTest, FilesMayStandInPlaceOfObjects) {
  write("objects.yaml",
        "{ kind: Service, apiVersion: v1, metadata: { name: web }, spec: { clusterIP: None } }\n");
  const std::string head = "{ kubeproof: v1, node: { name: a, addresses: [10.0.0.1] }, steps: [], ";
  for (const char* cluster : {"objects.yaml", "[objects.yaml]"}) {
    const Case read = CaseTest::read(write("c.yaml", head + "cluster: " + cluster + " }\n"));
    EXPECT_EQ(read.snapshot.objects.cluster.services.size(), 1U);
  }
  EXPECT_EQ(error_of(write("c.yaml", head + "cluster: objects.yaml, objects: [] }\n")),
            "c.yaml:1: cluster: stands in place of objects, not beside them");
}

TEST_F(ReadCaseTest, UnknownFieldsAreNamed) {
  EXPECT_EQ(error_of(with_steps("  []\n", "nodes: []\n")).substr(0, 35),
            "case.yaml:6: nodes: unknown field; ");
  EXPECT_EQ(error_of(with_steps("  - flow: { from: 10.0.0.1, to: \"10.0.0.2:1\", port: 1 }\n"))
                .substr(0, 49),
            "case.yaml:13: steps[0].flow.port: unknown field; ");
  EXPECT_EQ(error_of(with_steps("  []\n", "proxy: { iptables: { masquaradeAll: true } }\n"))
                .substr(0, 58),
            "case.yaml:6: proxy.iptables.masquaradeAll: unknown field; ");
  EXPECT_EQ(error_of(with_steps("  - sleep: 1s\n")).substr(0, 45),
            "case.yaml:13: steps[0].sleep: unknown field; ");
}

TEST_F(ReadCaseTest, FieldsOfKubernetesObjectsMayBeUnknown) {
  EXPECT_EQ(CaseTest::read(write("c.yaml",
                                 "kubeproof: v1\n"
                                 "node: { name: a, addresses: [10.0.0.1] }\n"
                                 "objects: [{ kind: Pod, apiVersion: v1, metadata: { name: p },\n"
                                 "            spec: { newField: 1 } }]\n"))
                .snapshot.objects.json.size(),
            1U);
}

TEST_F(ReadCaseTest, WrongValuesAreToldWithTheirPlace) {
  const auto step_error = [&](const std::string& step) {
    return error_of(with_steps("  - " + step + "\n"));
  };
  EXPECT_EQ(step_error("flow: { from: here, to: \"10.0.0.2:1\" }"),
            "case.yaml:13: steps[0].flow.from: expected an IP address, found \"here\"");
  EXPECT_EQ(step_error("flow: { from: 10.0.0.1, to: 10.0.0.2 }"),
            "case.yaml:13: steps[0].flow.to: expected ADDRESS:PORT ([ADDRESS]:PORT for IPv6), "
            "found \"10.0.0.2\"");
  EXPECT_EQ(step_error("flow: { from: 10.0.0.1, to: \"[fd00::1]:80\" }"),
            "case.yaml:13: steps[0].flow.to: expected an IPv4 address, as in from, found "
            "\"[fd00::1]:80\"");
  EXPECT_EQ(step_error("flow: { from: 10.0.0.1, to: \"10.0.0.2:1\", ingress: \"pod:10.9.9.9\" }"),
            "case.yaml:13: steps[0].flow.ingress: no pod on the node has the address 10.9.9.9");
  EXPECT_EQ(step_error("flow: { from: 10.0.0.1, to: \"10.0.0.2:1\", ingress: lo }"),
            "case.yaml:13: steps[0].flow.ingress: 'lo' is no ingress: expected uplink, host, "
            "pod:ADDRESS or an interface");
  EXPECT_EQ(step_error("advance: soon"),
            "case.yaml:13: steps[0].advance: expected a duration such as 10s, found \"soon\"");
  EXPECT_EQ(
      step_error("packet: { ingress: uplink, hex: \"450\" }"),
      "case.yaml:13: steps[0].packet.hex: expected pairs of hexadecimal digits, found \"450\"");
  EXPECT_EQ(step_error("delete: [{ kind: Pod }]"),
            "case.yaml:13: steps[0].delete[0].name: expected a string, found nothing");
}

TEST_F(ReadCaseTest, OnlyDnatHasEndpoints) {
  EXPECT_EQ(error_of(with_steps("  - flow: { from: 10.0.0.1, to: \"10.0.0.2:1\" }\n"
                                "    expect: { verdict: drop, endpoints: [] }\n")),
            "case.yaml:14: steps[0].expect.endpoints: only the verdict dnat has endpoints");
}

TEST_F(ReadCaseTest, RepeatedFlowsMustHavePorts) {
  EXPECT_EQ(error_of(with_steps("  - flow: { from: 10.0.0.1, to: \"10.0.0.2:1\", sourcePort: 65000,"
                                " repeat: 1000 }\n")),
            "case.yaml:13: steps[0].flow.repeat: expected no more flows than there are ports from "
            "sourcePort on, found 1000");
}

TEST_F(ReadCaseTest, NeedsAVersionAndANode) {
  EXPECT_EQ(error_of(write("c.json", "{}")), "c.json: kubeproof: expected a string, found nothing");
  EXPECT_EQ(error_of(write("c.json", R"({"kubeproof": "v2"})")),
            "c.json: kubeproof: expected v1, found \"v2\"");
  EXPECT_EQ(error_of(write("c.json", R"({"kubeproof": "v1", "steps": []})")),
            "c.json: node.name: expected a string, found nothing");
  EXPECT_EQ(error_of(write("c.json", R"({"kubeproof": "v1", "node": {"name": "a"}})")),
            "c.json: node 'a' has no addresses: expected node.addresses, or a Node object with "
            "status.addresses");
}

TEST_F(ReadCaseTest, TheNodeMayBeDescribedByItsObject) {
  const Case read = CaseTest::read(
      write("c.yaml",
            "kubeproof: v1\n"
            "node: { name: a }\n"
            "objects: [{ kind: Node, apiVersion: v1, metadata: { name: a },\n"
            "            status: { addresses: [{ type: InternalIP, address: 10.0.0.7 }] } }]\n"));
  EXPECT_TRUE(read.world.is_local(*IpAddress::parse("10.0.0.7")));
}

}  // namespace
}  // namespace kubeproof
