#include "tools/kubeproof/command_line.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/temporary_folder.h"

namespace kubeproof {
namespace {

struct Ended {
  int status;
  std::string output;
  std::string error;
};

Ended kubeproof(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "kubeproof");
  std::vector<const char*> argv;
  for (const std::string& argument : arguments) argv.push_back(argument.c_str());
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  const int status = run_command_line(static_cast<int>(argv.size()), argv.data());
  std::fflush(stdout);
  std::fflush(stderr);
  return {status, testing::internal::GetCapturedStdout(), testing::internal::GetCapturedStderr()};
}

class CommandLine : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const std::string path = folder_.file(name);
    std::ofstream(path) << text;
    return path;
  }
  // One node, one service with an endpoint on it.
  std::string cluster() {
    return write("cluster.yaml", R"(apiVersion: v1
kind: Node
metadata: { name: node-a }
spec: { podCIDRs: [10.180.0.0/24] }
status: { addresses: [{ type: InternalIP, address: 192.168.0.2 }] }
---
apiVersion: v1
kind: Service
metadata: { namespace: default, name: web }
spec:
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10]
  ipFamilies: [IPv4]
  ports: [{ protocol: TCP, port: 80 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { namespace: default, name: web-1, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
endpoints: [{ addresses: [10.180.0.5], nodeName: node-a }]
ports: [{ name: "", protocol: TCP, port: 8080 }]
)");
  }
  Ended with_cluster(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--cluster", cluster(), "--node", "node-a"});
    return kubeproof(arguments);
  }

  // A pod asks a service with one endpoint.
  std::string one_case(const std::string& name, const std::string& expect) {
    cluster();
    return write(name, R"(kubeproof: v1
node: { name: node-a }
cluster: cluster.yaml
steps:
  - flow: { from: 10.180.0.9, to: "10.96.0.10:80" }
    expect: { )" + expect + " }\n");
  }

  TemporaryFolder folder_;
};

size_t lines(const std::string& text) {
  return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(CommandLine, EndsWithTwoAndOneLineForBadUsage) {
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{},
                                             {"reply"},
                                             {"replay", "--no-such-option"},
                                             {"replay"},
                                             {"run"},
                                             {"rules", "--case", "a.json", "--node", "node-a"},
                                             {"rules", "--node", "node-a"},
                                             {"rules"},
                                             {"rules", "--family", "ipx"}}) {
    const Ended ended = kubeproof(arguments);
    EXPECT_EQ(ended.status, 2);
    EXPECT_EQ(lines(ended.error), 1U) << ended.error;
    EXPECT_EQ(ended.output, "");
  }
}

TEST_F(CommandLine, NamesTheCommandsThereAre) {
  const Ended ended = kubeproof({"reply"});
  EXPECT_EQ(ended.error.find("kubeproof: there is no command 'reply'; there are replay, run"), 0U)
      << ended.error;
}

TEST_F(CommandLine, EndsWithTwoAndTheFilesNameForBadInput) {
  const Ended missing = kubeproof({"rules", "--cluster", "none.yaml", "--node", "node-a"});
  EXPECT_EQ(missing.status, 2);
  EXPECT_NE(missing.error.find("none.yaml"), std::string::npos) << missing.error;
  const Ended syntax =
      kubeproof({"rules", "--cluster", write("broken.json", "{"), "--node", "node-a"});
  EXPECT_EQ(syntax.status, 2);
  EXPECT_NE(syntax.error.find("broken.json"), std::string::npos) << syntax.error;
  EXPECT_EQ(lines(syntax.error), 1U) << syntax.error;
}

TEST_F(CommandLine, NamesTheNodesThereAreWhenItIsNotAmongThem) {
  const Ended ended = kubeproof({"rules", "--cluster", cluster(), "--node", "node-x"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("node-a"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, HelpsOnEveryCommand) {
  for (const char* command : {"replay", "run", "trace", "rules", "engines"}) {
    const Ended ended = kubeproof({command, "--help"});
    EXPECT_EQ(ended.status, 0) << command;
    EXPECT_NE(ended.output.find("--help"), std::string::npos) << command;
  }
}

TEST_F(CommandLine, PrintsRules) {
  const Ended ended = with_cluster({"rules"});
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_NE(ended.output.find("--to-destination 10.180.0.5:8080"), std::string::npos);
  EXPECT_NE(ended.output.find("COMMIT"), std::string::npos);
}

TEST_F(CommandLine, FindsRulesTheSameAsTheirOwnText) {
  const std::string dump = write("node.save", with_cluster({"rules"}).output);
  const Ended same = with_cluster({"rules", "--compare", dump});
  EXPECT_EQ(same.status, 0) << same.error << same.output;
  EXPECT_NE(same.output.find("the same"), std::string::npos) << same.output;
}

TEST_F(CommandLine, EndsWithOneWhereRulesDiffer) {
  std::string text = with_cluster({"rules"}).output;
  const std::string endpoint = "--to-destination 10.180.0.5:8080";
  text.replace(text.find(endpoint), endpoint.size(), "--to-destination 10.180.0.6:8080");
  const std::string dump = write("node.save", text);
  const Ended differs = with_cluster({"rules", "--compare", dump});
  EXPECT_EQ(differs.status, 1) << differs.error;
  EXPECT_NE(differs.output.find("default/web (IPv4)"), std::string::npos) << differs.output;
  EXPECT_NE(differs.output.find("--to-destination"), std::string::npos) << differs.output;
  const Ended json = with_cluster({"rules", "--compare", dump, "--format", "json"});
  EXPECT_EQ(json.status, 1);
  EXPECT_NE(json.output.find("\"exit_status\": 1"), std::string::npos) << json.output;
}

TEST_F(CommandLine, NamesTheLineOfADumpThatIsWrong) {
  const Ended ended = with_cluster({"rules", "--compare", write("node.save", "*nat\n-A X\n")});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("node.save:2: expected"), std::string::npos) << ended.error;
  EXPECT_EQ(lines(ended.error), 1U);
}

TEST_F(CommandLine, SaysThatADumpLacksTheFamily) {
  const std::string dump = write("node.save", with_cluster({"rules"}).output);
  const Ended ended = with_cluster({"rules", "--family", "ipv6", "--compare", dump});
  EXPECT_EQ(ended.status, 2) << ended.output;
  EXPECT_NE(ended.error.find("ipv6"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, RunsTheNodesOwnRules) {
  std::string text = with_cluster({"rules"}).output;
  const std::string endpoint = "--to-destination 10.180.0.5:8080";
  text.replace(text.find(endpoint), endpoint.size(), "--to-destination 10.180.0.6:8080");
  const auto trace = [&](const std::string& rules) {
    return with_cluster({"trace", "--from", "host", "--to", "10.96.0.10:80", "--engine",
                         "reference", "--rules", write("node.save", rules)});
  };
  const Ended other = trace(text);
  EXPECT_EQ(other.status, 0) << other.error;
  EXPECT_NE(other.output.find("10.180.0.6:8080"), std::string::npos) << other.output;

  text.replace(text.find("-A KUBE-SERVICES", text.find("*nat")), 0,
               "-A KUBE-SERVICES -m set --match-set blocked src -j RETURN\n");
  const Ended unknown = trace(text);
  EXPECT_NE(unknown.output.find("unknown"), std::string::npos) << unknown.output;
  EXPECT_NE(unknown.output.find("--match-set blocked src"), std::string::npos) << unknown.output;
}

TEST_F(CommandLine, TracesThroughTheReference) {
  const Ended ended =
      with_cluster({"trace", "--from", "host", "--to", "10.96.0.10:80", "--engine", "reference"});
  EXPECT_EQ(ended.status, 0) << ended.error;
  EXPECT_NE(ended.output.find("10.180.0.5:8080"), std::string::npos) << ended.output;
}

TEST_F(CommandLine, TakesACaseInPlaceOfClusterAndNode) {
  const std::string file = one_case("case.yaml", "verdict: dnat");
  EXPECT_EQ(kubeproof({"rules", "--case", file}).output, with_cluster({"rules"}).output);
  const Ended traced = kubeproof({"trace", "--case", file, "--from", "host", "--to",
                                  "10.96.0.10:80", "--engine", "reference"});
  EXPECT_EQ(traced.status, 0) << traced.error;
}

TEST_F(CommandLine, RunsACaseToItsExpectation) {
  const Ended met =
      kubeproof({"run", one_case("case.yaml", "verdict: dnat"), "--engine", "reference"});
  EXPECT_EQ(met.status, 0) << met.output << met.error;
  const Ended failed =
      kubeproof({"run", one_case("case.yaml", "verdict: drop"), "--engine", "reference"});
  EXPECT_EQ(failed.status, 1) << failed.output;
  EXPECT_NE(failed.output.find("verdict dnat to 10.180.0.5:8080, expected drop"), std::string::npos)
      << failed.output;
}

TEST_F(CommandLine, RunsTheCasesOfAFolderAndNamesWhatIsNone) {
  std::filesystem::create_directories(folder_.file("b"));
  std::filesystem::rename(one_case("case.yaml", "verdict: dnat"), folder_.file("b/case.yaml"));
  std::filesystem::rename(folder_.file("cluster.yaml"), folder_.file("b/cluster.yaml"));
  const Ended ended = kubeproof({"run", folder_.path().string(), "--engine", "reference"});
  EXPECT_EQ(ended.status, 0) << ended.output << ended.error;
  EXPECT_NE(ended.output.find("kubeproof run: 1 case\n"), std::string::npos) << ended.output;
  EXPECT_NE(
      ended.output.find("passed over, since it is no case: " + folder_.file("b/cluster.yaml")),
      std::string::npos)
      << ended.output;
}

TEST_F(CommandLine, RunsNoCaseWhenOneOfThemCannotBeUnderstood) {
  const std::string good = one_case("case.yaml", "verdict: dnat");
  const std::string bad = write("bad.yaml", "kubeproof: v1\nstep: []\n");
  const Ended ended = kubeproof({"run", good, bad, "--engine", "reference"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(ended.output, "");
  EXPECT_NE(ended.error.find("bad.yaml"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, RefusesAFolderWithoutCases) {
  cluster();
  const Ended ended = kubeproof({"run", folder_.path().string()});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("no cases"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, RefusesAnEngineThatNobodyKnows) {
  const Ended ended =
      with_cluster({"trace", "--from", "host", "--to", "10.96.0.10:80", "--engine", "ipvs"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("ipvs"), std::string::npos);
}

TEST_F(CommandLine, RefusesACaptureThatIsNone) {
  const Ended ended = with_cluster({"replay", "--pcap", write("text.pcap", "no capture")});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("text.pcap"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, DoesNotCallNothingEquivalent) {
  const std::string header("\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0", 24);
  const Ended ended =
      with_cluster({"replay", "--engine", "reference", "--pcap", write("empty.pcap", header)});
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(lines(ended.error), 1U) << ended.error;
  EXPECT_NE(ended.error.find("empty.pcap: nothing to compare"), std::string::npos) << ended.error;
}

TEST_F(CommandLine, SaysThatDamageLeftNothing) {
  std::string capture("\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0", 24);
  capture += "cut";
  const Ended ended =
      with_cluster({"replay", "--engine", "reference", "--pcap", write("cut.pcap", capture)});
  EXPECT_EQ(ended.status, 2);
  EXPECT_EQ(lines(ended.error), 1U) << ended.error;
  EXPECT_NE(ended.error.find("cut.pcap: after frame 0: truncated"), std::string::npos)
      << ended.error;
}

TEST_F(CommandLine, SaysWhatIsOddAboutTheObjects) {
  const std::string endpoints =
      write("endpoints.yaml", "apiVersion: v1\nkind: Endpoints\nmetadata: { name: web }\n");
  const Ended rules = with_cluster({"rules", "--cluster", endpoints});
  EXPECT_EQ(rules.status, 0);
  EXPECT_EQ(rules.error, "kubeproof: note: objects of other kinds, not used: Endpoints (1)\n");
  const Ended trace = with_cluster({"trace", "--cluster", endpoints, "--engine", "reference",
                                    "--from", "uplink", "--to", "10.96.0.10:80"});
  EXPECT_EQ(trace.status, 0);
  EXPECT_EQ(trace.error, rules.error);
}

TEST_F(CommandLine, SaysWhatAFolderStandsInPlaceOf) {
  const Ended ended =
      kubeproof({"rules", "--cluster", folder_.path().string(), "--node", "node-a"});
  EXPECT_EQ(ended.status, 2);
  EXPECT_NE(ended.error.find("a directory, expected JSON or YAML"), std::string::npos)
      << ended.error;
}

}  // namespace
}  // namespace kubeproof
