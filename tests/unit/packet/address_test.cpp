#include "model/packet/address.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace kubeproof {
namespace {

TEST(IpAddress, PrintsCanonically) {
  EXPECT_EQ(IpAddress::parse("10.96.0.10")->to_string(), "10.96.0.10");
  EXPECT_EQ(IpAddress::parse("FD00:0:0::1")->to_string(), "fd00::1");
}

TEST(IpAddress, RefusesWhatIsNoAddress) {
  for (const char* text : {"", "10.0.0", "10.0.0.256", "10.0.0.01", "fd00:::1", "10.0.0.1 "}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddress, IsEqualOnlyInEveryByteAndTheFamily) {
  const IpAddress address = *IpAddress::parse("1:203:405:607:809:a0b:c0d:e0f");
  for (size_t changed = 0; changed < 16; ++changed) {
    std::array<uint8_t, 16> bytes{};
    std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
    EXPECT_EQ(IpAddress::v6(bytes), address);
    bytes[changed] ^= 0x80;
    EXPECT_NE(IpAddress::v6(bytes), address) << changed;
  }
  EXPECT_NE(*IpAddress::parse("::"), *IpAddress::parse("0.0.0.0"));
}

TEST(Cidr, ClearsHostBits) {
  EXPECT_EQ(Cidr::parse("10.180.3.7/20")->to_string(), "10.180.0.0/20");
  EXPECT_EQ(Cidr::parse("fd00::ff/121")->to_string(), "fd00::80/121");
}

TEST(Cidr, ContainsOnlyItsOwnFamilyAndPrefix) {
  const Cidr cidr = *Cidr::parse("10.180.0.0/23");
  EXPECT_TRUE(cidr.contains(*IpAddress::parse("10.180.1.255")));
  EXPECT_FALSE(cidr.contains(*IpAddress::parse("10.180.2.0")));
  EXPECT_FALSE(Cidr::parse("0.0.0.0/0")->contains(*IpAddress::parse("::1")));
}

TEST(Cidr, RefusesWrongLengths) {
  EXPECT_FALSE(Cidr::parse("10.0.0.0/33"));
  EXPECT_FALSE(Cidr::parse("10.0.0.0/"));
  EXPECT_FALSE(Cidr::parse("fd00::/129"));
}

TEST(SocketAddress, WritesEndpointsAsKubeProxyDoes) {
  EXPECT_EQ(SocketAddress::parse("10.0.0.1:80")->to_string(), "10.0.0.1:80");
  EXPECT_EQ(SocketAddress::parse("[fd00::1]:80")->to_string(), "[fd00::1]:80");
  EXPECT_FALSE(SocketAddress::parse("fd00::1:80"));
  EXPECT_FALSE(SocketAddress::parse("[10.0.0.1]:80"));
}

TEST(SocketAddress, SaysWhichPortsThereAre) {
  EXPECT_EQ(SocketAddress::parse("10.0.0.1:65535")->port, 65535);
  EXPECT_EQ(SocketAddress::parse("10.0.0.1:65536").error().message,
            "'10.0.0.1:65536': expected a port from 0 to 65535, found 65536");
}

}  // namespace
}  // namespace kubeproof
