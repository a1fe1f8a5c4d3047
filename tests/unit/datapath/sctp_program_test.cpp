// SCTP: ports translated under a CRC that covers the whole packet, and associations tracked by
// their chunks and tags.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

enum Chunk : uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kAbort = 6,
  kCookieEcho = 10,
  kCookieAck
};

constexpr uint32_t kClientTag = 0x11111111;  // that the server is to use
constexpr uint32_t kServerTag = 0x22222222;

Bytes chunk(Chunk type, uint32_t first_word = 0) {
  Bytes bytes = {type, 0, 0, 20};
  bytes.resize(20);
  for (int i = 0; i < 4; ++i) bytes[4 + i] = static_cast<uint8_t>(first_word >> (24 - 8 * i));
  return bytes;
}

class SctpProgram : public ProgramTest, public testing::WithParamInterface<Family> {
 protected:
  static std::string by_family(const char* ipv4, const char* ipv6) {
    return GetParam() == Family::kIpv4 ? ipv4 : ipv6;
  }
  static std::string service() { return by_family("10.96.0.10:80", "[fd00:96::10]:80"); }
  static std::string pod() { return by_family("10.180.0.9:4000", "[fd00:180::9]:4000"); }
  static std::string near() { return by_family("10.180.1.7", "fd00:180:1::7"); }
  static std::string server() { return by_family("10.180.1.7:8080", "[fd00:180:1::7]:8080"); }

  static PacketBuilder from_client(const Bytes& chunks, uint32_t tag) {
    return PacketBuilder::sctp(pod(), service()).payload(ByteView(chunks)).seq(tag);
  }
  static PacketBuilder from_server(const Bytes& chunks, uint32_t tag) {
    return PacketBuilder::sctp(server(), pod()).payload(ByteView(chunks)).seq(tag);
  }
  abi::reason client_sends(Chunk type, uint32_t tag, uint32_t first_word = 0) {
    return static_cast<abi::reason>(
        ingress(kPod1, from_client(chunk(type, first_word), tag)).record.reason);
  }
  abi::reason server_sends(Chunk type, uint32_t tag, uint32_t first_word = 0) {
    return static_cast<abi::reason>(
        ingress(kEth0, from_server(chunk(type, first_word), tag)).record.reason);
  }
  void associate() {
    serve(GetParam(), kSctp, {near()});
    EXPECT_EQ(client_sends(kInit, 0, kClientTag), abi::REASON_NEW_FLOW);
    EXPECT_EQ(server_sends(kInitAck, kClientTag, kServerTag), abi::REASON_REPLY);
    EXPECT_EQ(client_sends(kCookieEcho, kServerTag), abi::REASON_ORIGINAL);
    EXPECT_EQ(server_sends(kCookieAck, kClientTag), abi::REASON_REPLY);
  }
};

TEST_P(SctpProgram, PortsAreTranslatedUnderTheChecksum) {
  serve(GetParam(), kSctp, {near()});
  for (const size_t size : {size_t{20}, size_t{21}, size_t{500}, size_t{1400}}) {
    Bytes chunks = chunk(kInit, kClientTag);
    chunks.resize(size, 0x5a);
    store16(chunks, 2, static_cast<uint16_t>(size));
    const Ran sent = ingress(kPod1, from_client(chunks, 0));
    EXPECT_EQ(sent.view().destination_endpoint().to_string(), server());
    EXPECT_EQ(check_checksums(sent.packet).transport, ChecksumState::kRight) << size << " bytes";
  }
}

TEST_P(SctpProgram, RepliesComeFromTheServiceUnderTheChecksum) {
  serve(GetParam(), kSctp, {near()});
  client_sends(kInit, 0, kClientTag);
  const Ran reply = egress_forwarded(
      kPod1, kEth0, ingress(kEth0, from_server(chunk(kInitAck, kServerTag), kClientTag)));
  EXPECT_EQ(reply.view().source_endpoint().to_string(), service());
  EXPECT_EQ(check_checksums(reply.packet).transport, ChecksumState::kRight);
}

// As it is in a packet whose checksum the device is to compute; test runs have none of those.
TEST_P(SctpProgram, AChecksumOfZeroIsWrong) {
  serve(GetParam(), kSctp, {near()});
  Bytes packet = from_client(chunk(kInit, kClientTag), 0).build();
  const size_t at = parse_packet(packet)->transport_offset + size_t{8};
  store32(packet, at, 0);
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::DROP_INVALID);
}

TEST_P(SctpProgram, AnAssociationIsTrackedByItsTags) {
  associate();
  EXPECT_EQ(client_sends(kData, kServerTag), abi::REASON_ORIGINAL);
  EXPECT_EQ(server_sends(kData, kClientTag), abi::REASON_REPLY);
  EXPECT_EQ(server_sends(kData, kServerTag), abi::DROP_INVALID);
}

TEST_P(SctpProgram, OnlySomeChunksStartAnAssociation) {
  serve(GetParam(), kSctp, {near()});
  EXPECT_EQ(client_sends(kData, kServerTag), abi::DROP_INVALID);
  EXPECT_EQ(client_sends(kAbort, kServerTag), abi::DROP_INVALID);
  EXPECT_EQ(client_sends(kInit, kServerTag, kClientTag), abi::DROP_INVALID)
      << "an INIT carries no tag";
  EXPECT_EQ(client_sends(kInit, 0, kClientTag), abi::REASON_NEW_FLOW);
}

TEST_P(SctpProgram, AnEstablishedAssociationLivesThreeAndAHalfMinutes) {
  associate();
  advance(std::chrono::seconds(209));
  EXPECT_EQ(client_sends(kData, kServerTag), abi::REASON_ORIGINAL);
  advance(std::chrono::seconds(210));
  EXPECT_NE(client_sends(kData, kServerTag), abi::REASON_ORIGINAL);
}

TEST_P(SctpProgram, AnAbortedAssociationIsOverAfterTenSeconds) {
  associate();
  EXPECT_EQ(server_sends(kAbort, kClientTag), abi::REASON_REPLY);
  advance(std::chrono::seconds(10));
  EXPECT_EQ(client_sends(kInit, 0, kClientTag), abi::REASON_NEW_FLOW);
}

TEST_P(SctpProgram, AnInitSentAgainDoesNotKeepAFlow) {
  serve(GetParam(), kSctp, {near()});
  client_sends(kInit, 0, kClientTag);
  advance(std::chrono::seconds(6));
  EXPECT_EQ(client_sends(kInit, 0, kClientTag), abi::REASON_ORIGINAL);
  advance(std::chrono::seconds(6));
  EXPECT_EQ(client_sends(kInit, 0, kClientTag), abi::REASON_NEW_FLOW);
}

INSTANTIATE_TEST_SUITE_P(, SctpProgram, testing::Values(Family::kIpv4, Family::kIpv6),
                         [](const auto& info) {
                           return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
                         });

}  // namespace
}  // namespace kubeproof::control
