// Damage follows from its numbers alone, and leaves a packet where it goes and of its family.
#include "replay/explore/damage.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_builder.h"

namespace kubeproof::explore {
namespace {

Bytes segment(bool ipv6) {
  return ipv6 ? PacketBuilder::tcp("[2001:db8::1]:1", "[2001:db8::2]:2").payload_size(20).build()
              : PacketBuilder::tcp("192.0.2.1:1", "192.0.2.2:2").payload_size(20).build();
}

bool addresses_are(const Bytes& packet, const Bytes& before, bool ipv6) {
  const size_t begin = ipv6 ? 8 : 12;
  const size_t end = std::min<size_t>(packet.size(), ipv6 ? 40 : 20);
  return end <= begin || std::equal(packet.begin() + static_cast<ptrdiff_t>(begin),
                                    packet.begin() + static_cast<ptrdiff_t>(end),
                                    before.begin() + static_cast<ptrdiff_t>(begin));
}

TEST(Damage, IsTheSameForTheSameNumbers) {
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Bytes one = segment(false);
    Bytes another = one;
    damage({.changes = {seed, seed + 1}, .repair = Repair::kAll}, one);
    damage({.changes = {seed, seed + 1}, .repair = Repair::kAll}, another);
    ASSERT_EQ(one, another) << seed;
  }
}

TEST(Damage, LeavesVersionAndAddresses) {
  for (const bool ipv6 : {false, true}) {
    const Bytes before = segment(ipv6);
    for (uint32_t seed = 0; seed < 10000; ++seed) {
      Bytes packet = before;
      damage({.changes = {seed}}, packet);
      ASSERT_GE(packet.size(), ipv6 ? 40U : 20U) << seed;
      ASSERT_EQ(packet[0] >> 4, ipv6 ? 6 : 4) << seed;
      ASSERT_TRUE(addresses_are(packet, before, ipv6)) << seed;
    }
  }
}

TEST(Damage, OfAPayloadLeavesTheIpHeader) {
  const Bytes before = segment(false);
  size_t changed = 0;
  for (uint32_t seed = 0; seed < 10000; ++seed) {
    Bytes packet = before;
    damage_payload({.changes = {seed}}, packet);
    ASSERT_EQ(packet.size(), before.size()) << seed;
    ASSERT_TRUE(std::equal(packet.begin(), packet.begin() + 20, before.begin())) << seed;
    if (packet != before) ++changed;
  }
  EXPECT_GT(changed, 9000U);
}

TEST(Damage, ThatIsRepairedHasRightChecksums) {
  size_t parsed = 0;
  for (uint32_t seed = 0; seed < 10000; ++seed) {
    Bytes packet = segment(false);
    damage({.changes = {seed}, .repair = Repair::kAll}, packet);
    if (!parse_packet(packet)) continue;
    ++parsed;
    ASSERT_EQ(check_checksums(packet).ip_header, ChecksumState::kRight) << seed;
  }
  EXPECT_GT(parsed, 5000U);
}

}  // namespace
}  // namespace kubeproof::explore
