#include "replay/capture/link_layer.h"

#include "tests/unit/capture/capture_fixture.h"

namespace kubeproof {
namespace {

const Bytes kPacket4 = PacketBuilder::udp("10.0.0.1:7", "10.0.0.2:8").build();
const Bytes kPacket6 = PacketBuilder::udp("[fd00::1]:7", "[fd00::2]:8").build();

void expect_packet(const tl::expected<LinkView, LinkFailure>& link, const Bytes& packet) {
  ASSERT_TRUE(link);
  EXPECT_EQ(Bytes(link->packet.begin(), link->packet.end()), packet);
}

TEST(LinkLayer, EthernetCarriesBothFamilies) {
  expect_packet(parse_link(DLT_EN10MB, ethernet(1, 2, kPacket4)), kPacket4);
  expect_packet(parse_link(DLT_EN10MB, ethernet(1, 2, kPacket6)), kPacket6);
}

TEST(LinkLayer, EthernetTellsWhoseFrameItIs) {
  const Bytes frame = ethernet(1, 9, kPacket4);
  const auto link = parse_link(DLT_EN10MB, frame);
  EXPECT_EQ(link->source->back(), 1);
  EXPECT_EQ(link->destination->back(), 9);
  EXPECT_EQ(link->heading, Heading::kUnknown);
  EXPECT_FALSE(link->loopback);
}

TEST(LinkLayer, EthernetFromAndToNobodyIsTheLoopback) {
  Bytes frame(14);
  store16(frame, 12, 0x0800);
  EXPECT_TRUE(parse_link(DLT_EN10MB, concatenate(frame, kPacket4))->loopback);
}

TEST(LinkLayer, VlanTagsAreSkipped) {
  Bytes frame(22, 2);
  store16(frame, 12, 0x88a8);
  store16(frame, 14, 7);
  store16(frame, 16, 0x8100);
  store16(frame, 18, 42);
  store16(frame, 20, 0x0800);
  expect_packet(parse_link(DLT_EN10MB, concatenate(frame, kPacket4)), kPacket4);
  EXPECT_TRUE(parse_link(DLT_EN10MB, concatenate(frame, kPacket4))->tagged);
  EXPECT_FALSE(parse_link(DLT_EN10MB, ethernet(1, 2, kPacket4))->tagged);
  for (size_t size = 0; size < frame.size(); ++size) {
    EXPECT_EQ(parse_link(DLT_EN10MB, ByteView(frame).first(size)).error(), LinkFailure::kTooShort);
  }
}

TEST(LinkLayer, WhatIsNotIpIsToldApart) {
  Bytes arp(14, 2);
  store16(arp, 12, 0x0806);
  EXPECT_EQ(parse_link(DLT_EN10MB, concatenate(arp, Bytes(28))).error(), LinkFailure::kNotIp);
}

TEST(LinkLayer, RawIpIsAllPacket) {
  for (const int type : {DLT_RAW, DLT_IPV4, DLT_IPV6}) {
    expect_packet(parse_link(type, kPacket6), kPacket6);
    EXPECT_EQ(parse_link(type, {}).error(), LinkFailure::kTooShort);
  }
}

TEST(LinkLayer, CookedHeadersTellTheDirection) {
  const auto heading = [](uint8_t type) {
    const Bytes v1 = cooked_v1(type, kPacket4);
    const Bytes v2 = cooked_v2(type, 5, kPacket4);
    EXPECT_EQ(parse_link(DLT_LINUX_SLL, v1)->heading, parse_link(DLT_LINUX_SLL2, v2)->heading);
    return parse_link(DLT_LINUX_SLL2, v2)->heading;
  };
  EXPECT_EQ(heading(0), Heading::kEntering);
  EXPECT_EQ(heading(1), Heading::kEntering);
  EXPECT_EQ(heading(2), Heading::kEntering);
  EXPECT_EQ(heading(3), Heading::kPassing);
  EXPECT_EQ(heading(4), Heading::kLeaving);
}

TEST(LinkLayer, CookedV2TellsTheInterface) {
  const Bytes frame = cooked_v2(kToUs, 70000, kPacket4);
  expect_packet(parse_link(DLT_LINUX_SLL2, frame), kPacket4);
  EXPECT_EQ(parse_link(DLT_LINUX_SLL2, frame)->interface, 70000U);
  const Bytes older = cooked_v1(kToUs, kPacket4);
  expect_packet(parse_link(DLT_LINUX_SLL, older), kPacket4);
  EXPECT_FALSE(parse_link(DLT_LINUX_SLL, older)->interface);
}

TEST(LinkLayer, CookedHeadersKnowTheLoopback) {
  EXPECT_TRUE(parse_link(DLT_LINUX_SLL, cooked_v1(kToUs, kPacket4, 772))->loopback);
  EXPECT_TRUE(parse_link(DLT_LINUX_SLL2, cooked_v2(kToUs, 1, kPacket4, 772))->loopback);
  EXPECT_FALSE(parse_link(DLT_LINUX_SLL2, cooked_v2(kToUs, 1, kPacket4))->loopback);
}

TEST(LinkLayer, LoggedInOutputIsTheHosts) {
  const Bytes frame = logged_output(kPacket6);
  expect_packet(parse_link(DLT_NFLOG, frame), kPacket6);
  EXPECT_EQ(parse_link(DLT_NFLOG, frame)->heading, Heading::kLogged);
  EXPECT_EQ(parse_link(DLT_NFLOG, nflog(0, kPacket4))->heading, Heading::kEntering);
  EXPECT_EQ(parse_link(DLT_NFLOG, nflog(4, kPacket4)).error(), LinkFailure::kOtherHook);
}

TEST(LinkLayer, HeadersCutShortAreToldApart) {
  const auto cut_everywhere = [](int type, const Bytes& frame, size_t header) {
    for (size_t size = 0; size < header; ++size) {
      const auto link = parse_link(type, ByteView(frame).first(size));
      EXPECT_EQ(link.error(), LinkFailure::kTooShort) << type << ' ' << size;
    }
  };
  cut_everywhere(DLT_EN10MB, ethernet(1, 2, kPacket4), 14);
  cut_everywhere(DLT_LINUX_SLL, cooked_v1(kToUs, kPacket4), 16);
  cut_everywhere(DLT_LINUX_SLL2, cooked_v2(kToUs, 1, kPacket4), 20);
  const Bytes log = logged_output(kPacket4);
  cut_everywhere(DLT_NFLOG, log, log.size());
}

}  // namespace
}  // namespace kubeproof
