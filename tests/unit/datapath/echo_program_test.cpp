// ICMP queries are flows of their own: tracked, masqueraded by their identifier, and quoted by
// errors like others.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "model/packet/icmp_error.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

constexpr uint32_t kMasqueradeMark = 0x4000;
constexpr uint16_t kIdentifier = 77;

class EchoProgram : public ProgramTest, public testing::WithParamInterface<Family> {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (!IsSkipped() && !HasFatalFailure()) program();
  }

  static std::string by_family(const char* ipv4, const char* ipv6) {
    return GetParam() == Family::kIpv4 ? ipv4 : ipv6;
  }
  static std::string pod() { return by_family("10.180.0.9", "fd00:180::9"); }
  static std::string node() { return by_family("192.168.0.2", "2001:db8::2"); }
  static std::string server() { return by_family("8.8.8.8", "2001:db8:9::9"); }

  static PacketBuilder query() {
    return PacketBuilder::icmp_echo(pod(), server(), kIdentifier).payload("data");
  }
  // A pod's query as it leaves the node.
  Ran send(uint32_t mark) { return egress_forwarded(kEth0, kPod1, ingress(kPod1, query(), mark)); }

  static void expect_right_checksums(const Ran& ran) {
    const ChecksumReport sums = check_checksums(ran.packet);
    if (GetParam() == Family::kIpv4) {
      EXPECT_EQ(sums.ip_header, ChecksumState::kRight);
    }
    EXPECT_EQ(sums.transport, ChecksumState::kRight);
  }
};

TEST_P(EchoProgram, AQueryAndItsAnswerPassUnchanged) {
  const Ran sent = send(0);
  EXPECT_EQ(sent.view().source.to_string(), pod());
  EXPECT_EQ(sent.view().source_port, kIdentifier);
  const Ran answer = ingress(kEth0, PacketBuilder::icmp_echo_reply(server(), pod(), kIdentifier));
  EXPECT_EQ(answer.record.reason, abi::REASON_REPLY);
}

TEST_P(EchoProgram, AMarkedQueryIsMasqueradedAndItsAnswerComesBack) {
  const Ran sent = send(kMasqueradeMark);
  EXPECT_EQ(sent.view().source.to_string(), node());
  expect_right_checksums(sent);

  const Ran answer_in = ingress(
      kEth0,
      PacketBuilder::icmp_echo_reply(server(), node(), sent.view().source_port).payload("data"));
  const Ran answer = egress_forwarded(kPod1, kEth0, answer_in);
  EXPECT_EQ(answer.view().source.to_string(), server());
  EXPECT_EQ(answer.view().destination.to_string(), pod());
  EXPECT_EQ(answer.view().source_port, kIdentifier);
  expect_right_checksums(answer);
}

TEST_P(EchoProgram, QueriesOfTwoPodsWithOneIdentifierAreToldApart) {
  const Ran first = send(kMasqueradeMark);
  const auto other = PacketBuilder::icmp_echo(by_family("10.180.0.10", "fd00:180::10"), server(),
                                              first.view().source_port);
  const Ran second = egress_forwarded(kEth0, kPod2, ingress(kPod2, other, kMasqueradeMark));
  EXPECT_NE(second.view().source_port, first.view().source_port);
}

TEST_P(EchoProgram, AnAnswerToNothingIsInvalid) {
  const Ran answer = ingress(kEth0, PacketBuilder::icmp_echo_reply(server(), pod(), kIdentifier));
  EXPECT_EQ(answer.record.reason, abi::DROP_INVALID);
}

TEST_P(EchoProgram, AnErrorAboutAMasqueradedQueryReachesThePod) {
  const Ran sent = send(kMasqueradeMark);
  const Bytes error = *make_icmp_error(sent.packet, IcmpError::time_exceeded(GetParam()),
                                       *IpAddress::parse(by_family("198.18.0.1", "2001:db8:5::1")));
  const Ran back = egress_forwarded(kPod1, kEth0, ingress(kEth0, error));
  EXPECT_EQ(back.view().destination.to_string(), pod());
  expect_right_checksums(back);
  const auto quoted =
      *parse_packet(ByteView(back.packet).subspan(back.view().transport_offset + size_t{8}));
  EXPECT_EQ(quoted.source.to_string(), pod());
  EXPECT_EQ(quoted.source_port, kIdentifier);
  EXPECT_EQ(check_checksums(back.packet).quoted_transport, ChecksumState::kRight);
}

INSTANTIATE_TEST_SUITE_P(, EchoProgram, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::control
