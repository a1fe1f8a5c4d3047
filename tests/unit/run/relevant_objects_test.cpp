#include "replay/run/relevant_objects.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"

namespace kubeproof {
namespace {

class RelevantObjects : public testing::Test {
 protected:
  RelevantObjects() {
    add_service("web", "10.96.0.10", 30080, "10.180.0.1");
    add_service("dns", "10.96.0.53", 0, "10.180.1.2");
    for (const char* name : {"node-a", "node-b"}) {
      Node node;
      node.key = {"", name};
      add(ObjectKind::kNode, node, all_.cluster.nodes);
    }
    for (const char* address : {"10.180.0.9", "10.180.0.77"}) {
      Pod pod;
      pod.key = {"default", address};
      pod.pod_ips = {address};
      add(ObjectKind::kPod, pod, all_.cluster.pods);
    }
  }

  template <class T>
  void add(ObjectKind kind, const T& object, std::map<ObjectKey, T>& into) {
    into[object.key] = object;
    all_.json[{kind, object.key}] = "{}";
  }

  void add_service(const std::string& name, const std::string& ip, uint16_t node_port,
                   const std::string& endpoint) {
    Service service;
    service.key = {"default", name};
    service.cluster_ip = ip;
    service.ports.resize(1);
    service.ports[0].node_port = node_port;
    add(ObjectKind::kService, service, all_.cluster.services);
    EndpointSlice slice;
    slice.key = {"default", name + "-1"};
    slice.labels["kubernetes.io/service-name"] = name;
    slice.endpoints.resize(1);
    slice.endpoints[0].addresses = {endpoint};
    add(ObjectKind::kEndpointSlice, slice, all_.cluster.endpoint_slices);
  }

  std::vector<std::string> kept(const Bytes& packet, Relevance relevance = Relevance::kFrontends) {
    CapturedPacket captured;
    captured.packet = packet;
    std::vector<std::string> names;
    const Objects objects = relevant_objects(all_, {captured}, "node-a", relevance);
    for (const auto& [id, text] : objects.json) names.push_back(id.to_string());
    return names;
  }

  Objects all_;
};

using Names = std::vector<std::string>;

TEST_F(RelevantObjects, KeepsTheServiceThatIsAskedAndTheNode) {
  EXPECT_EQ(kept(PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").build()),
            (Names{"Service default/web", "EndpointSlice default/web-1", "Node node-a"}));
}

TEST_F(RelevantObjects, KeepsTheServiceOfANodePort) {
  EXPECT_EQ(kept(PacketBuilder::tcp("10.0.0.1:4000", "192.168.0.2:30080").build()),
            (Names{"Service default/web", "EndpointSlice default/web-1", "Node node-a"}));
}

TEST_F(RelevantObjects, KeepsTheServiceOfAnEndpointWhereThatIsAsked) {
  const Bytes answer = PacketBuilder::udp("10.180.1.2:53", "10.0.0.1:4000").build();
  EXPECT_EQ(kept(answer), Names{"Node node-a"});
  EXPECT_EQ(kept(answer, Relevance::kEndpoints),
            (Names{"Service default/dns", "EndpointSlice default/dns-1", "Node node-a"}));
}

TEST_F(RelevantObjects, KeepsPodsThatSend) {
  EXPECT_EQ(kept(PacketBuilder::udp("10.180.0.9:4000", "198.51.100.9:53").build()),
            (Names{"Node node-a", "Pod default/10.180.0.9"}));
}

}  // namespace
}  // namespace kubeproof
