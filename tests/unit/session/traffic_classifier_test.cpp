#include "replay/session/traffic_classifier.h"

#include <gtest/gtest.h>

#include "model/packet/icmp_error.h"
#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

class Classifier : public testing::Test {
 protected:
  Classifier() { classifier_.update(configuration_.cluster); }

  TrafficCell cell(Ingress ingress, const Bytes& packet, const Fate& fate = Fate()) {
    return classifier_.classify({ingress, packet, 0}, fate);
  }
  ServiceKind service_of(std::string_view to) {
    return cell(Ingress{kUplink.interface}, PacketBuilder::tcp("203.0.113.9:4000", to).build())
        .service;
  }
  Origin origin_of(Ingress ingress, std::string_view from) {
    return cell(ingress, PacketBuilder::tcp(from, "10.96.0.10:80").build()).origin;
  }

  Configuration configuration_ = small_configuration();
  TrafficClassifier classifier_{configuration_.world};
};

TEST_F(Classifier, KnowsTheKindsOfServiceAddresses) {
  EXPECT_EQ(service_of("10.96.0.10:80"), ServiceKind::kClusterIp);
  EXPECT_EQ(service_of("192.168.0.2:30080"), ServiceKind::kNodePort);
  EXPECT_EQ(service_of("192.0.2.7:80"), ServiceKind::kExternalIp);
  EXPECT_EQ(service_of("192.0.2.8:80"), ServiceKind::kLoadBalancer);
  EXPECT_EQ(service_of("10.96.0.10:81"), ServiceKind::kNone);
  EXPECT_EQ(service_of("192.168.0.3:30080"), ServiceKind::kNone);
}

TEST_F(Classifier, KnowsWhereAClientIs) {
  Node other;
  other.key.name = "node-b";
  other.addresses.push_back({"InternalIP", "192.168.0.3"});
  other.pod_cidrs = {"10.180.8.0/24"};
  configuration_.cluster.nodes[other.key] = other;
  Pod pod;
  pod.key = {"default", "p"};
  pod.pod_ips = {"10.180.7.7"};
  configuration_.cluster.pods[pod.key] = pod;
  classifier_.update(configuration_.cluster);
  const Ingress uplink{kUplink.interface};
  EXPECT_EQ(origin_of(Ingress::host(), "192.168.0.2:4000"), Origin::kHost);
  EXPECT_EQ(origin_of(Ingress{kPod1.interface}, "10.180.0.1:4000"), Origin::kPod);
  EXPECT_EQ(origin_of(uplink, "192.168.0.3:4000"), Origin::kOtherNode);
  EXPECT_EQ(origin_of(uplink, "10.180.7.7:4000"), Origin::kPodElsewhere);
  EXPECT_EQ(origin_of(uplink, "10.180.8.7:4000"), Origin::kPodElsewhere) << "of a node's range";
  EXPECT_EQ(origin_of(uplink, "203.0.113.9:4000"), Origin::kOutside);
}

TEST_F(Classifier, CountsAReplyWithItsFlow) {
  const TrafficCell reply = cell(
      Ingress{kPod1.interface}, PacketBuilder::tcp("10.180.0.1:8080", "203.0.113.9:4000").build(),
      fate_of(kUplink, PacketBuilder::tcp("10.96.0.10:80", "203.0.113.9:4000").build()));
  EXPECT_EQ(reply.service, ServiceKind::kClusterIp);
  EXPECT_EQ(reply.origin, Origin::kOutside);
}

TEST_F(Classifier, TellsAnErrorOfTheNodesOwnFromAForward) {
  const Bytes packet = PacketBuilder::tcp("203.0.113.9:4000", "10.96.0.10:80").build();
  const Bytes error = *make_icmp_error(packet, IcmpError::port_unreachable(Family::kIpv4),
                                       *IpAddress::parse("192.168.0.2"));
  const Injection injection{Ingress{kUplink.interface}, packet, 0};
  EXPECT_EQ(classify_fate(injection, fate_of(kUplink, error)), FateClass::kAnswered);
  EXPECT_EQ(classify_fate(injection, fate_of(kPod1, packet)), FateClass::kForwarded);
  EXPECT_EQ(classify_fate(injection, fate_of(Place::sockets(), packet)), FateClass::kDelivered);
  EXPECT_EQ(classify_fate(injection, Fate()), FateClass::kDropped);
}

}  // namespace
}  // namespace kubeproof
