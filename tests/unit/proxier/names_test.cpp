#include "model/proxier/names.h"

#include <gtest/gtest.h>

namespace kubeproof::proxier {
namespace {

ServicePortName port(std::string name_space, std::string name, std::string port,
                     Protocol protocol) {
  return {{std::move(name_space), std::move(name)}, std::move(port), protocol};
}

TEST(Names, WriteServicePorts) {
  EXPECT_EQ(port("ns1", "svc1", "p80", kTcp).to_string(), "ns1/svc1:p80");
  EXPECT_EQ(port("ns1", "svc1", "", kTcp).to_string(), "ns1/svc1");
}

// The names that kube-proxy's own unit tests and clusters show.
TEST(Names, HashServicePorts) {
  const std::pair<ServicePortName, const char*> vectors[] = {
      {port("ns1", "svc1", "p80", kTcp), "XPGD46QRK7WJZT7O"},
      {port("ns1", "svc1", "p80", kUdp), "OJWW7NSBVZTDHXNW"},
      {port("ns1", "svc1", "p80", kSctp), "GFCIFIA5VTFSTMSM"},
      {port("ns1", "svc1", "", kTcp), "AQI2S6QIMU7PVVRP"},
      {port("ns2", "svc2", "p80", kTcp), "GNZBNJ2PO5MGZ6GT"},
      {port("ns4", "svc4", "p80", kTcp), "4SW47YFZTEDKD3PK"},
      {port("default", "kubernetes", "https", kTcp), "NPX46M4PTMTKRN6Y"},
      {port("kube-system", "kube-dns", "dns", kUdp), "TCOU7JCQXEZGVUNU"},
      {port("kube-system", "kube-dns", "dns-tcp", kTcp), "ERIFXISQEP7F7OF4"},
  };
  for (const auto& [name, hash] : vectors) {
    const ServicePortChains chains(name);
    EXPECT_EQ(chains.cluster, std::string("KUBE-SVC-") + hash);
    EXPECT_EQ(chains.local, std::string("KUBE-SVL-") + hash);
    EXPECT_EQ(chains.external, std::string("KUBE-EXT-") + hash);
    EXPECT_EQ(chains.firewall, std::string("KUBE-FW-") + hash);
  }
}

TEST(Names, HashEndpoints) {
  EXPECT_EQ(endpoint_chain(port("ns1", "svc1", "p80", kTcp), "10.180.0.1:80"),
            "KUBE-SEP-SXIVWICOYRO3J4NJ");
  EXPECT_EQ(endpoint_chain(port("ns4", "svc4", "p80", kTcp), "10.180.0.4:80"),
            "KUBE-SEP-UKSFD7AGPMPPLUHC");
  EXPECT_EQ(endpoint_chain(port("ns4", "svc4", "p80", kTcp), "10.180.0.5:80"),
            "KUBE-SEP-C6EBXVWJJZMIWKLZ");
  EXPECT_EQ(endpoint_chain(port("ns1", "svc1", "p80", kTcp), "[fd00:10:180::1]:80"),
            "KUBE-SEP-OGYCNMB4EMRUSJ6N");
  EXPECT_EQ(endpoint_chain(port("ns1", "svc1", "", kUdp), "10.180.0.1:53"),
            "KUBE-SEP-WOVZ7FYWLOFVMYSJ");
}

}  // namespace
}  // namespace kubeproof::proxier
