#include "model/cluster/read_proxy_config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "model/cluster/field_json.h"
#include "model/cluster/read_proxy_config_json.h"
#include "tests/temporary_folder.h"

namespace kubeproof {
namespace {

using namespace std::chrono_literals;

Result<ProxyConfig> read(const std::string& text) {
  const auto documents = parse_documents(text, "file");
  if (!documents) return tl::unexpected(documents.error());
  return read_proxy_config(JsonField(documents->front().value), documents->front());
}

std::string error(const std::string& text) {
  const auto config = read(text);
  return config ? "no error" : config.error().message;
}

TEST(ReadProxyConfig, HasKubeProxysDefaults) {
  const ProxyConfig config = read("{}").value();
  EXPECT_TRUE(config.cluster_cidrs.empty());
  EXPECT_EQ(config.detect_local_mode, DetectLocalMode::kClusterCidr);
  EXPECT_EQ(config.masquerade_bit, 14);
  EXPECT_EQ(config.masquerade_mark(), 0x4000U);
  EXPECT_FALSE(config.masquerade_all);
  EXPECT_TRUE(config.localhost_node_ports);
  EXPECT_EQ(config.bind_address, "0.0.0.0");
  EXPECT_EQ(config.timeouts.tcp_established, 24h);
  EXPECT_EQ(config.timeouts.tcp_close_wait, 1h);
  EXPECT_FALSE(config.timeouts.udp);
  EXPECT_EQ(config.release_minor, 36);
}

TEST(ReadProxyConfig, ReadsWhatChangesPackets) {
  const ProxyConfig config = read(R"(
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clusterCIDR: 10.244.0.0/16,fd00:10:244::/56
detectLocalMode: InterfaceNamePrefix
detectLocal: {interfaceNamePrefix: cali}
nodePortAddresses: [192.168.0.0/24]
bindAddress: "::"
hostnameOverride: " Other "
iptables: {masqueradeBit: 15, masqueradeAll: true, localhostNodePorts: false, syncPeriod: 0s}
conntrack: {tcpBeLiberal: true, tcpEstablishedTimeout: 0s, udpTimeout: 10s, maxPerCore: null}
featureGates: {AllowServiceExternalIPs: false, SomeGate: true}
proxyVersion: v1.34.1
winkernel: {networkName: ""}
)")
                                 .value();
  EXPECT_EQ(config.cluster_cidrs, (std::vector<std::string>{"10.244.0.0/16", "fd00:10:244::/56"}));
  EXPECT_EQ(config.detect_local_mode, DetectLocalMode::kInterfaceNamePrefix);
  EXPECT_EQ(config.interface_name_prefix, "cali");
  EXPECT_EQ(config.node_port_addresses, std::vector<std::string>{"192.168.0.0/24"});
  EXPECT_EQ(config.bind_address, "::");
  EXPECT_EQ(config.hostname_override, "other");
  EXPECT_EQ(config.masquerade_bit, 15);
  EXPECT_TRUE(config.masquerade_all);
  EXPECT_FALSE(config.localhost_node_ports);
  EXPECT_TRUE(config.tcp_be_liberal);
  EXPECT_FALSE(config.timeouts.tcp_established);
  EXPECT_EQ(config.timeouts.udp, 10s);
  EXPECT_FALSE(config.allow_service_external_ips);
  EXPECT_EQ(config.ignored_feature_gates, std::vector<std::string>{"SomeGate"});
  EXPECT_EQ(config.release_minor, 34);
}

TEST(ReadProxyConfig, TakesNullForTheDefault) {
  const ProxyConfig config =
      read("clusterCIDR: \"\"\niptables: {masqueradeBit: null}\nnodePortAddresses: null").value();
  EXPECT_EQ(config.masquerade_bit, 14);
  EXPECT_TRUE(config.node_port_addresses.empty());
}

TEST(ReadProxyConfig, NamesWhatIsWrong) {
  EXPECT_EQ(error("iptables: {masqueradeBit: 32}"),
            "file:1: iptables.masqueradeBit: expected a whole number from 0 to 31, found 32");
  EXPECT_EQ(error("detectLocalMode: Cluster"),
            "file:1: detectLocalMode: expected one of ClusterCIDR, NodeCIDR, BridgeInterface, "
            "InterfaceNamePrefix, found \"Cluster\"");
  EXPECT_EQ(error("mode: ipvs"),
            "file:1: mode: expected iptables, the mode that is modelled, found \"ipvs\"");
  EXPECT_EQ(error("clusterCIDR: 10.0.0.0/8,10.1.0.0/16"),
            "file:1: clusterCIDR: expected a CIDR, or one of each family with a comma between "
            "them, found \"10.0.0.0/8,10.1.0.0/16\"");
  EXPECT_EQ(error("nodePortAddresses: [primary, 10.0.0.0/8]"),
            "file:1: nodePortAddresses[0]: expected a CIDR, or primary alone, found \"primary\"");
  EXPECT_EQ(error("detectLocalMode: BridgeInterface"),
            "file:1: detectLocal.bridgeInterface: expected the name of the bridge, for mode "
            "BridgeInterface, found nothing");
  for (const char* name : {"br ex", "a-name-of-16-bytes", "br\\\"0", "br0\\n-A INPUT -j DROP"}) {
    const std::string text =
        std::string("detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: \"") + name +
        "\"}";
    EXPECT_TRUE(error(text).starts_with(
        "file:2: detectLocal.bridgeInterface: expected the name of the bridge"))
        << error(text);
  }
  EXPECT_EQ(error("proxyVersion: v1.19"),
            "file:1: proxyVersion: expected a release from v1.20 to v1.37, found \"v1.19\"");
  EXPECT_EQ(error("conntrack: {udpTimeout: 10}"),
            "file:1: conntrack.udpTimeout: expected a string, found 10");
  EXPECT_EQ(error("[]"), "file: expected an object, found a list");
}

TEST(ReadProxyConfig, RefusesTimeoutsThatTheKernelDoesNotCountTo) {
  for (const std::string name :
       {"tcpCloseWaitTimeout", "tcpEstablishedTimeout", "udpStreamTimeout", "udpTimeout"}) {
    EXPECT_EQ(error("conntrack: {" + name + ": 8589935s}"),
              "file:1: conntrack." + name +
                  ": expected at most 8589934s, which is as far as the kernel counts, found "
                  "\"8589935s\"");
    EXPECT_EQ(error("conntrack: {" + name + ": 8589934s}"), "no error");
  }
}

TEST(ReadProxyConfig, RefusesFieldsThatKubeProxyDoesNotKnow) {
  EXPECT_EQ(error("mode: iptables\nclusterCIRD: 10.244.0.0/16")
                .find("file:2: clusterCIRD: unknown field; known are apiVersion, "),
            0U);
  EXPECT_EQ(error("iptables:\n  masqueradeALL: true"),
            "file:2: iptables.masqueradeALL: unknown field; known are localhostNodePorts, "
            "masqueradeAll, masqueradeBit, minSyncPeriod, syncPeriod");
  EXPECT_EQ(error("conntrack: {beLiberal: true}")
                .find("file:1: conntrack.beLiberal: unknown field; known are "),
            0U);
  EXPECT_EQ(error("detectLocal: {bridge: cni0}"),
            "file:1: detectLocal.bridge: unknown field; known are bridgeInterface, "
            "interfaceNamePrefix");
}

// As kubeadm writes it, with what it had in 1.20 besides.
TEST(ReadProxyConfig, KnowsEveryFieldThatKubeProxyHas) {
  EXPECT_EQ(error(R"(
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /a, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null,
            tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
featureGates: {SomeGate: true}
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s,
           syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s,
       tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
kind: KubeProxyConfiguration
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
udpIdleTimeout: 0s
windowsRunAsService: false
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "",
            sourceVip: ""}
)"),
            "no error");
}

class ProxyConfigFile : public testing::Test {
 protected:
  std::string write(const std::string& text) {
    std::ofstream(path_) << text;
    return path_;
  }

  TemporaryFolder folder_;
  const std::string path_ = folder_.file("config.yaml");
};

TEST_F(ProxyConfigFile, MayBeTheConfigMapThatKubeadmKeeps) {
  const auto config = read_proxy_config(write(R"(apiVersion: v1
data:
  config.conf: |-
    apiVersion: kubeproxy.config.k8s.io/v1alpha1
    clusterCIDR: 10.244.0.0/16
    kind: KubeProxyConfiguration
    iptables:
      masqueradeAll: true
  kubeconfig.conf: |-
    apiVersion: v1
kind: ConfigMap
metadata: {name: kube-proxy, namespace: kube-system}
)"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->cluster_cidrs, std::vector<std::string>{"10.244.0.0/16"});
  EXPECT_TRUE(config->masquerade_all);
}

TEST_F(ProxyConfigFile, NamesThePlaceInsideOfTheConfigMap) {
  const auto config = read_proxy_config(
      write("kind: ConfigMap\ndata:\n  config.conf: |-\n    mode: x\n    clusterCIDR: 5\n"));
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().message, path_ +
                                        ": data[\"config.conf\"]:1: mode: expected iptables, the "
                                        "mode that is modelled, found \"x\"");
}

TEST_F(ProxyConfigFile, HoldsOneConfiguration) {
  EXPECT_EQ(read_proxy_config(write("{}\n---\n{}\n")).error().message,
            path_ + ": expected one KubeProxyConfiguration, found 2 documents");
}

}  // namespace
}  // namespace kubeproof
