#include "datapath/control/source_candidates.h"

#include <gtest/gtest.h>

#include "datapath/control/abi_address.h"
#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

std::vector<std::string> candidates(const World& world, uint32_t index, Family family) {
  abi::source_candidate list[SOURCE_CANDIDATES];
  fill_source_candidates(world, *world.find_interface(index), family, list);
  std::vector<std::string> texts;
  for (const abi::source_candidate& candidate : list) {
    if (candidate.owner != abi::CANDIDATE_NONE) {
      texts.push_back(from_abi(candidate.address, static_cast<uint8_t>(family)).to_string());
    }
  }
  return texts;
}

InterfaceAddress further_address(const std::string& address, uint8_t prefix_length,
                                 AddressScope scope) {
  InterfaceAddress further;
  further.address = *IpAddress::parse(address);
  further.prefix_length = prefix_length;
  further.scope = scope;
  return further;
}

TEST(SourceCandidates, AnInterfaceGivesItsOwnPrimaryAddresses) {
  World node = world();
  InterfaceAddress secondary = node.interfaces[1].addresses[0];
  secondary.address = *IpAddress::parse("192.168.0.3");
  secondary.secondary = true;
  node.interfaces[1].addresses.push_back(secondary);
  EXPECT_EQ(candidates(node, 2, Family::kIpv4), std::vector<std::string>{"192.168.0.2"});
}

TEST(SourceCandidates, AllAreCountedWhereThereIsNoRoomForThem) {
  World node = world();
  for (size_t i = 0; i < SOURCE_CANDIDATES; ++i) {
    InterfaceAddress further = node.interfaces[1].addresses[0];
    further.address = IpAddress::v4(0x0a0a0001 + static_cast<uint32_t>(i << 8));
    node.interfaces[1].addresses.push_back(further);
  }
  abi::source_candidate list[SOURCE_CANDIDATES];
  EXPECT_EQ(fill_source_candidates(node, node.interfaces[1], Family::kIpv4, list),
            SOURCE_CANDIDATES + 1);
}

TEST(SourceCandidates, OthersStandInForAnInterfaceWithoutAddress) {
  EXPECT_EQ(candidates(world(), 10, Family::kIpv4), std::vector<std::string>{"192.168.0.2"});
  EXPECT_EQ(candidates(world(), 10, Family::kIpv6), std::vector<std::string>{"2001:db8::2"});
}

TEST(SourceCandidates, OthersStandInForDeprecatedAddresses) {
  World node = world();
  node.interfaces[1].addresses[1].deprecated = true;
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), std::vector<std::string>{"2001:db8::2"});
  InterfaceAddress other = node.interfaces[1].addresses[1];
  other.address = *IpAddress::parse("2001:db8:1::2");
  node.interfaces[2].addresses.push_back(other);
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), std::vector<std::string>{"2001:db8::2"});
  node.interfaces[2].addresses[0].deprecated = false;
  EXPECT_EQ(candidates(node, 2, Family::kIpv6),
            (std::vector<std::string>{"2001:db8::2", "2001:db8:1::2"}));
  EXPECT_EQ(candidates(node, 10, Family::kIpv6), std::vector<std::string>{"2001:db8:1::2"});
}

TEST(SourceCandidates, AnInterfaceGivesItsOwnLinkLocalAddressAlone) {
  World node = world();
  const InterfaceAddress link_local = further_address("fe80::2", 64, AddressScope::kLink);
  for (Interface& interface : node.interfaces) interface.addresses.push_back(link_local);
  EXPECT_EQ(candidates(node, 2, Family::kIpv6),
            (std::vector<std::string>{"2001:db8::2", "fe80::2"}));
  EXPECT_EQ(candidates(node, 10, Family::kIpv6),
            (std::vector<std::string>{"fe80::2", "2001:db8::2"}));
}

TEST(SourceCandidates, Ipv4LoopbackAddressesNeverLeave) {
  EXPECT_EQ(candidates(world(), 1, Family::kIpv4), std::vector<std::string>{"192.168.0.2"});
}

TEST(SourceCandidates, WithoutAnyBetterIpv6AddressLoopbackAndOtherLinksStandIn) {
  World node = world();
  for (Interface& interface : node.interfaces) interface.addresses.clear();
  InterfaceAddress further = further_address("::1", 128, AddressScope::kHost);
  node.interfaces[0].addresses = {further};
  EXPECT_EQ(candidates(node, 1, Family::kIpv6), std::vector<std::string>{"::1"});
  EXPECT_EQ(candidates(node, 10, Family::kIpv6), std::vector<std::string>{"::1"});
  further = further_address("fe80::2", 64, AddressScope::kLink);
  node.interfaces[1].addresses = {further};
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), std::vector<std::string>{"fe80::2"});
  EXPECT_EQ(candidates(node, 10, Family::kIpv6), (std::vector<std::string>{"::1", "fe80::2"}));
}

TEST(SourceCandidates, LoopbackAndOtherLinksAreBetterThanDeprecatedOnesOfTheLink) {
  World node = world();
  for (Interface& interface : node.interfaces) interface.addresses.clear();
  InterfaceAddress further = further_address("::1", 128, AddressScope::kHost);
  further.deprecated = true;
  node.interfaces[0].addresses = {further};
  further = further_address("fe80::2", 64, AddressScope::kLink);
  further.deprecated = true;
  node.interfaces[1].addresses = {further};
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), (std::vector<std::string>{"fe80::2", "::1"}));
  further.address = *IpAddress::parse("fe80::3");
  node.interfaces[2].addresses = {further};
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), (std::vector<std::string>{"fe80::2", "::1"}));
  node.interfaces[1].addresses[0].deprecated = false;
  EXPECT_EQ(candidates(node, 2, Family::kIpv6), std::vector<std::string>{"fe80::2"});
}

TEST(SourceCandidates, LoopbackIsNeverDeprecated) {
  World node = world();
  for (Interface& interface : node.interfaces) interface.addresses.clear();
  InterfaceAddress loopback;
  loopback.address = *IpAddress::parse("::1");
  loopback.prefix_length = 128;
  loopback.deprecated = true;
  node.interfaces[0].addresses = {loopback};
  abi::source_candidate list[SOURCE_CANDIDATES];
  ASSERT_EQ(fill_source_candidates(node, node.interfaces[1], Family::kIpv6, list), 1);
  EXPECT_FALSE(list[0].deprecated);
}

}  // namespace
}  // namespace kubeproof::control
