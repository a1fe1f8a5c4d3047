#include "model/cluster/address_text.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

std::string canonical(std::string_view text) {
  const auto address = parse_sloppy_address(text);
  return address ? address->to_string() : "none";
}

std::string canonical_cidr(std::string_view text) {
  const auto cidr = parse_sloppy_cidr(text);
  return cidr ? cidr->to_string() : "none";
}

TEST(SloppyAddress, TakesLeadingZerosForDecimal) {
  EXPECT_EQ(canonical("172.30.0.041"), "172.30.0.41");
  EXPECT_EQ(canonical("000.0.0.010"), "0.0.0.10");
  EXPECT_EQ(canonical("10.0.0.0256"), "none");
}

TEST(SloppyAddress, TakesMappedAddressesForIpv4) {
  EXPECT_EQ(canonical("::ffff:1.2.3.4"), "1.2.3.4");
  EXPECT_EQ(canonical("::ffff:001.2.3.4"), "1.2.3.4");
  EXPECT_EQ(canonical("::ffff:102:304"), "1.2.3.4");
  EXPECT_EQ(canonical("64:ff9b::1.2.3.4"), "64:ff9b::102:304");
}

TEST(SloppyAddress, RefusesWhatIsNone) {
  for (const char* text :
       {"", ".", "1.2.3", "1.2.3.4.5", "1..2.3", "host", "fe80::1%eth0", " 1.2.3.4"}) {
    EXPECT_EQ(canonical(text), "none") << text;
  }
}

TEST(SloppyCidr, MasksToTheNetwork) {
  EXPECT_EQ(canonical_cidr("203.0.113.000/025"), "203.0.113.0/25");
  EXPECT_EQ(canonical_cidr("10.1.2.3/8"), "10.0.0.0/8");
}

TEST(SloppyCidr, TakesMappedPrefixesForIpv4) {
  EXPECT_EQ(canonical_cidr("::ffff:1.2.3.4/120"), "1.2.3.0/24");
  EXPECT_EQ(canonical_cidr("::ffff:1.2.3.4/64"), "::/64");
}

TEST(SloppyCidr, NeedsItsLength) {
  for (const char* text : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8"}) {
    EXPECT_EQ(canonical_cidr(text), "none") << text;
  }
}

}  // namespace
}  // namespace kubeproof
