// Transport checksums of received packets: a wrong one makes a packet invalid, one that is still to
// be computed does not.
#include <gtest/gtest.h>

#include "model/packet/checksum.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

using VerifyProgram = ProgramTest;

constexpr size_t kTcpChecksum = 20 + 16;

Bytes segment_of(size_t payload) {
  return PacketBuilder::tcp("10.180.0.9:4000", "10.96.0.10:80").syn().payload_size(payload).build();
}

TEST_F(VerifyProgram, AByteThatIsWrongMakesThePacketInvalidWhereverItStands) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Bytes right = segment_of(1234);
  for (const size_t at :
       {size_t{39}, size_t{40}, size_t{20 + 511}, size_t{20 + 512}, right.size() - 1}) {
    Bytes wrong = right;
    wrong[at] ^= 0x40;
    EXPECT_EQ(ingress(kPod1, wrong).record.reason, abi::DROP_INVALID) << "byte " << at;
  }
  EXPECT_EQ(ingress(kPod1, right).record.reason, abi::REASON_NEW_FLOW);
}

TEST_F(VerifyProgram, EveryLengthOfAPacketIsSummedRight) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  for (const size_t payload : {0, 1, 2, 3, 491, 492, 493, 494, 1003, 1004, 1005, 1459, 1460}) {
    const abi::trace_record record = ingress(kPod1, segment_of(payload)).record;
    EXPECT_NE(record.reason, abi::DROP_INVALID) << payload << " bytes";
  }
}

TEST_F(VerifyProgram, AChecksumThatOnlyLooksAsIfItWereStillToBeComputedIsWrong) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Bytes packet = segment_of(100);
  store16(packet, kTcpChecksum,
          pseudo_header_sum(*parse_packet(packet), static_cast<uint32_t>(packet.size() - 20)));
  EXPECT_EQ(ingress(kPod1, packet).record.reason, abi::DROP_INVALID);
}

TEST_F(VerifyProgram, NobodyChecksWhatTheNodeSends) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  Bytes packet = PacketBuilder::tcp("192.168.0.2:4000", "10.96.0.10:80").syn().build();
  packet[kTcpChecksum] ^= 1;
  EXPECT_EQ(egress_of_host(kEth0, packet).record.reason, abi::REASON_NEW_FLOW);
}

}  // namespace
}  // namespace kubeproof::control
