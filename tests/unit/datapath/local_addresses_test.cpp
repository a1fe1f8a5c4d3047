#include "datapath/control/local_addresses.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

constexpr uint32_t kConfigured = abi::LOCAL_ADDRESS_CONFIGURED;
constexpr uint32_t kShared = abi::LOCAL_ADDRESS_SHARED;

// Empty where packets for it do not come in.
std::optional<uint32_t> flags_of(const World& node, const std::string& address) {
  const LocalAddresses addresses = local_addresses(node);
  const auto found = addresses.find(*IpAddress::parse(address));
  return found == addresses.end() ? std::nullopt : std::optional(found->second.flags);
}

InterfaceAddress address(const std::string& text, uint8_t prefix_length) {
  InterfaceAddress result;
  result.address = *IpAddress::parse(text);
  result.prefix_length = prefix_length;
  return result;
}

Route route(RouteType type, const std::string& destination, uint32_t metric) {
  Route result;
  result.type = type;
  result.destination = *Cidr::parse(destination);
  result.metric = metric;
  return result;
}

TEST(LocalAddresses, ThoseOfInterfacesAreTheNodesOwn) {
  for (const char* own : {"127.0.0.1", "::1", "192.168.0.2", "2001:db8::2"}) {
    EXPECT_EQ(flags_of(world(), own), kConfigured) << own;
  }
  EXPECT_EQ(flags_of(world(), "192.168.0.3"), std::nullopt);
}

TEST(LocalAddresses, AllHostsOfASubnetAreReachedByItsLastAddress) {
  EXPECT_EQ(flags_of(world(), "192.168.0.255"), kShared);
  EXPECT_EQ(flags_of(world(), "127.255.255.255"), kShared);
  EXPECT_EQ(flags_of(world(), "192.168.0.0"), std::nullopt);
}

TEST(LocalAddresses, ARouterAnswersForItsIpv6Subnets) {
  EXPECT_EQ(flags_of(world(), "2001:db8::"), kShared);
  World host = world();
  host.sysctls.ip_forward = false;
  EXPECT_EQ(flags_of(host, "2001:db8::"), std::nullopt);
}

TEST(LocalAddresses, OfAnAddressThatIsAnycastTooTheFirstOneTells) {
  World before = world();
  before.interfaces.front().addresses.push_back(address("2001:db8::", 128));
  EXPECT_EQ(flags_of(before, "2001:db8::"), kConfigured);
  World behind = world();
  behind.interfaces.back().addresses.push_back(address("2001:db8::", 128));
  EXPECT_EQ(flags_of(behind, "2001:db8::"), kConfigured | kShared);
}

TEST(LocalAddresses, RoutesMakeAddressesLocalUnlessABetterOneLeadsElsewhere) {
  World node = world();
  EXPECT_FALSE(has_further_local_routes(node, Family::kIpv4));
  node.routes.push_back(route(RouteType::kLocal, "203.0.113.3/32", 10));
  EXPECT_TRUE(has_further_local_routes(node, Family::kIpv4));
  EXPECT_FALSE(has_further_local_routes(node, Family::kIpv6));
  EXPECT_EQ(flags_of(node, "203.0.113.3"), 0U);
  node.routes.push_back(route(RouteType::kBlackhole, "203.0.113.3/32", 5));
  EXPECT_EQ(flags_of(node, "203.0.113.3"), std::nullopt);
}

TEST(LocalAddresses, OfALocalPrefixBetterRoutesLeadElsewhere) {
  World node = world();
  EXPECT_TRUE(local_prefixes(node).empty());
  node.routes.push_back(route(RouteType::kLocal, "203.0.113.3/32", 0));
  EXPECT_TRUE(local_prefixes(node).empty());
  node.routes.push_back(route(RouteType::kLocal, "198.51.0.0/16", 10));
  node.routes.push_back(route(RouteType::kUnicast, "198.51.100.0/24", 20));
  node.routes.push_back(route(RouteType::kLocal, "198.51.100.8/29", 0));
  node.routes.push_back(route(RouteType::kUnicast, "198.51.100.9/32", 0));
  std::map<std::string, uint32_t> flags;
  for (const auto& [prefix, entry] : local_prefixes(node)) flags[prefix.to_string()] = entry.flags;
  const uint32_t elsewhere = abi::LOCAL_ADDRESS_ELSEWHERE;
  const std::map<std::string, uint32_t> expected = {{"198.51.0.0/16", 0},
                                                    {"198.51.100.0/24", elsewhere},
                                                    {"198.51.100.8/29", 0},
                                                    {"198.51.100.9/32", elsewhere}};
  EXPECT_EQ(flags, expected);
}

TEST(LocalAddresses, OfRoutesToOnePrefixTheMetricTells) {
  World node = world();
  node.routes.push_back(route(RouteType::kLocal, "2001:db8:7::/48", 10));
  EXPECT_EQ(local_prefixes(node).begin()->second.flags, 0U);
  node.routes.push_back(route(RouteType::kBlackhole, "2001:db8:7::/48", 5));
  EXPECT_EQ(local_prefixes(node).begin()->second.flags, abi::LOCAL_ADDRESS_ELSEWHERE);
}

}  // namespace
}  // namespace kubeproof::control
