#include "model/node/read_world.h"

#include <gtest/gtest.h>

#include "model/node/read_world_json.h"
#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

// As iproute2 6.1 prints them.
constexpr const char* kAddresses = R"([
{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"qdisc":"noqueue",
 "operstate":"UNKNOWN","group":"default","txqlen":1000,"link_type":"loopback",
 "address":"00:00:00:00:00:00","broadcast":"00:00:00:00:00:00","addr_info":[
  {"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo",
   "valid_life_time":4294967295,"preferred_life_time":4294967295},
  {"family":"inet6","local":"::1","prefixlen":128,"scope":"host",
   "valid_life_time":4294967295,"preferred_life_time":4294967295}]},
{},
{"ifindex":2,"ifname":"ens5","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":9001,
 "link_type":"ether","address":"4e:07:4b:17:eb:f7","broadcast":"ff:ff:ff:ff:ff:ff","addr_info":[
  {"family":"inet","local":"192.168.0.2","prefixlen":24,"broadcast":"192.168.0.255",
   "scope":"global","dynamic":true,"label":"ens5"},
  {"family":"inet","local":"192.168.0.9","prefixlen":24,"scope":"global","secondary":true},
  {"family":"inet6","local":"fe80::4c07:4bff:fe17:ebf7","prefixlen":64,"scope":"link"},
  {"family":"inet6","local":"2001:db8::2","prefixlen":64,"scope":"global","tentative":true}]},
{"ifindex":7,"link_index":3,"ifname":"cali12","flags":["BROADCAST","MULTICAST","UP"],"mtu":1450,
 "master":"cni0","link_type":"ether","address":"ee:ee:ee:ee:ee:ee","link_netnsid":0,"addr_info":[]}
])";

constexpr const char* kRoutes = R"([
{"dst":"default","gateway":"192.168.0.1","dev":"ens5","protocol":"dhcp","prefsrc":"192.168.0.2",
 "metric":100,"flags":[]},
{"type":"blackhole","dst":"10.180.0.64/26","protocol":"80","flags":[]},
{"type":"unreachable","dst":"10.99.0.0/16","metric":5,"flags":[]},
{"dst":"10.180.0.70","dev":"cali12","scope":"link","flags":[]},
{"dst":"10.7.0.0/16","gateway":"192.168.0.7","dev":"ens5","flags":[],
 "metrics":[{"advmss":1000,"congestion":"cubic"}]},
{"dst":"10.8.0.0/16","dev":"ens5","flags":["dead","linkdown"]},
{"type":"broadcast","dst":"192.168.0.255","dev":"ens5","table":"local","flags":[]}
]
[
{"dst":"default","dev":"ens5","metric":512,"flags":[],"pref":"medium"},
{"dst":"fd00:7::/64","dev":"ens5","flags":[],"pref":"medium"}
])";

JsonDocument document(const std::string& text) {
  return parse_documents(text, "file").value().front();
}

std::vector<Interface> interfaces() {
  const JsonDocument read = document(kAddresses);
  return read_interfaces(read.value, read).value();
}

std::vector<NamedRoute> routes() {
  std::vector<NamedRoute> all;
  const auto documents = parse_documents(kRoutes, "file").value();
  for (const JsonDocument& read : documents) {
    const auto part = read_routes(read.value, read).value();
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

TEST(ReadInterfaces, ReadsWhatIpPrints) {
  const std::vector<Interface> all = interfaces();
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].kind, InterfaceKind::kLoopback);
  EXPECT_EQ(all[0].mtu, 65536U);
  EXPECT_EQ(all[0].addresses[0].scope, AddressScope::kHost);
  EXPECT_FALSE(all[0].mac);
  EXPECT_EQ(all[1].index, 2U);
  EXPECT_EQ(all[1].name, "ens5");
  EXPECT_EQ(all[1].mtu, 9001U);
  EXPECT_EQ(all[1].master, "");
  EXPECT_EQ(all[2].master, "cni0");
  EXPECT_EQ(all[1].mac, (std::array<uint8_t, 6>{0x4e, 0x07, 0x4b, 0x17, 0xeb, 0xf7}));
  EXPECT_EQ(all[2].index, 7U);
  EXPECT_TRUE(all[2].addresses.empty());
}

TEST(ReadInterfaces, ReadsAddressesInUse) {
  const std::vector<InterfaceAddress> addresses = interfaces()[1].addresses;
  ASSERT_EQ(addresses.size(), 3U);
  EXPECT_EQ(addresses[0].address, address("192.168.0.2"));
  EXPECT_EQ(addresses[0].prefix_length, 24);
  EXPECT_EQ(addresses[0].broadcast, address("192.168.0.255"));
  EXPECT_FALSE(addresses[0].secondary);
  EXPECT_TRUE(addresses[1].secondary);
  EXPECT_EQ(addresses[2].scope, AddressScope::kLink);
}

InterfaceAddress only_address(const std::string& text) {
  const JsonDocument read =
      document(fmt::format(R"([{{"ifindex": 1, "ifname": "a", "addr_info": [{{{}}}]}}])", text));
  return read_interfaces(read.value, read).value().at(0).addresses.at(0);
}

TEST(ReadInterfaces, AnIpv6AddressIsDeprecatedOnceItsPreferredLifetimeIsOver) {
  EXPECT_FALSE(only_address(R"("local": "fd00::1", "prefixlen": 64)").deprecated);
  EXPECT_FALSE(
      only_address(R"("local": "fd00::1", "prefixlen": 64, "preferred_life_time": 1)").deprecated);
  EXPECT_TRUE(
      only_address(R"("local": "fd00::1", "prefixlen": 64, "preferred_life_time": 0)").deprecated);
  EXPECT_TRUE(
      only_address(R"("local": "fd00::1", "prefixlen": 64, "deprecated": true)").deprecated);
  EXPECT_FALSE(
      only_address(R"("local": "10.0.0.1", "prefixlen": 8, "deprecated": true)").deprecated);
}

TEST(ReadInterfaces, TheSubnetOfAnIpv4AddressIsThatOfItsPeer) {
  const InterfaceAddress ipv4 =
      only_address(R"("local": "10.9.0.1", "address": "10.10.0.2", "prefixlen": 24)");
  EXPECT_EQ(ipv4.peer, address("10.10.0.2"));
  EXPECT_EQ(ipv4.subnet(), *Cidr::parse("10.10.0.0/24"));
  const InterfaceAddress ipv6 =
      only_address(R"("local": "fd00:1::1", "address": "fd00:2::1", "prefixlen": 64)");
  EXPECT_EQ(ipv6.peer, address("fd00:2::1"));
  EXPECT_EQ(ipv6.subnet(), *Cidr::parse("fd00:1::/64"));
}

TEST(ReadRoutes, ReadsWhatIpPrints) {
  const std::vector<NamedRoute> all = routes();
  ASSERT_EQ(all.size(), 7U);
  EXPECT_EQ(all[0].route.destination, *Cidr::parse("0.0.0.0/0"));
  EXPECT_EQ(all[0].route.gateway, address("192.168.0.1"));
  EXPECT_EQ(all[0].route.preferred_source, address("192.168.0.2"));
  EXPECT_EQ(all[0].route.metric, 100U);
  EXPECT_EQ(all[0].device, "ens5");
  EXPECT_EQ(all[1].route.type, RouteType::kBlackhole);
  EXPECT_EQ(all[1].device, "");
  EXPECT_EQ(all[2].route.type, RouteType::kUnreachable);
  EXPECT_EQ(all[3].route.destination, *Cidr::parse("10.180.0.70/32"));
  EXPECT_EQ(all[3].route.metric, 0U);
  EXPECT_EQ(all[4].route.gateway, address("192.168.0.7"));
  EXPECT_EQ(all[5].route.destination, *Cidr::parse("::/0"));
  EXPECT_EQ(all[5].route.metric, 512U);
}

TEST(ReadRoutes, AnIpv6RouteWithoutMetricHasTheKernels) {
  EXPECT_EQ(routes()[6].route.metric, kUserMetric6);
  const JsonDocument zero = document(R"([{"dst": "fd00::/8", "dev": "e", "metric": 0}])");
  EXPECT_EQ(read_routes(zero.value, zero).value()[0].route.metric, kUserMetric6);
}

TEST(ReadRoutes, MakeAWorldTogetherWithInterfaces) {
  NodeSpec node;
  node.name = "node-a";
  node.interfaces = interfaces();
  node.routes = routes();
  const World world = make_world(node, NodePods(node), {}, {}).value();
  EXPECT_EQ(world.uplink().name, "ens5");
  EXPECT_EQ(world.find_interface("cali12")->kind, InterfaceKind::kPod);
  EXPECT_EQ(world.ingress_for_source(address("10.180.0.70")), Ingress{7});
}

std::string interfaces_error(const std::string& text) {
  const JsonDocument read = document(text);
  const auto result = read_interfaces(read.value, read);
  return result ? "no error" : result.error().message;
}

std::string routes_error(const std::string& text) {
  const JsonDocument read = document(text);
  const auto result = read_routes(read.value, read);
  return result ? "no error" : result.error().message;
}

TEST(ReadInterfaces, NamesWhatIsWrong) {
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 0}])"),
            "file: [0].ifindex: expected a whole number from 1 to 2147483647, found 0");
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "lo", "link_type": "ether",
                                  "address": "00:00:00"}])"),
            "file: [0].address: expected a link-layer address such as 02:00:00:00:00:01, found "
            "\"00:00:00\"");
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "lo",
                                  "addr_info": [{"local": "1.2.3.4", "prefixlen": 33}]}])"),
            "file: [0].addr_info[0].prefixlen: expected a whole number from 0 to 32, found 33");
  EXPECT_EQ(interfaces_error(R"({"ifindex": 1})"), "file: expected a list, found an object");
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "lo", "addr_info": [
                                  {"local": "1.2.3.4", "prefixlen": 8, "broadcast": "::1"}]}])"),
            "file: [0].addr_info[0].broadcast: expected an IPv4 address, beside an IPv4 address, "
            "found \"::1\"");
  EXPECT_EQ(
      interfaces_error(R"([{"ifindex": 1, "ifname": "a", "addr_info": [
                                  {"local": "1.2.3.4", "prefixlen": 8, "address": "::1"}]}])"),
      "file: [0].addr_info[0].address: expected a peer's address, of the family of \"local\", "
      "found \"::1\"");
}

TEST(ReadInterfaces, RefusesWhatNoKernelHas) {
  for (const char* name : {"", ".", "..", "a/b", "a b", "eth0:1", "sixteen-letters-"}) {
    EXPECT_EQ(interfaces_error(fmt::format(R"([{{"ifindex": 1, "ifname": "{}"}}])", name)),
              fmt::format("file: [0].ifname: expected the name of an interface, 1 to 15 bytes "
                          "without blanks, '/' and ':', found \"{}\"",
                          name));
  }
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "fifteen-letters"}])"), "no error");
  for (const char* local : {"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255"}) {
    EXPECT_EQ(interfaces_error(fmt::format(R"([{{"ifindex": 1, "ifname": "a", "addr_info": [
                                               {{"local": "{}", "prefixlen": 0}}]}}])",
                                           local)),
              fmt::format("file: [0].addr_info[0].local: expected an address that an interface "
                          "can have, found \"{}\"",
                          local));
  }
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "a"}, {"ifindex": 1, "ifname": "b"}])"),
            "file: [1].ifindex: 'a' (index 1) came before");
  EXPECT_EQ(interfaces_error(R"([{"ifindex": 1, "ifname": "a"}, {"ifindex": 2, "ifname": "a"}])"),
            "file: [1].ifname: 'a' (index 1) came before");
}

TEST(ReadRoutes, RefusesRoutesThatAreNotModelled) {
  EXPECT_EQ(routes_error(R"([{"dst": "default", "nexthops": []}])"),
            "file: [0].nexthops: routes with several hops are not modelled");
  EXPECT_EQ(routes_error(R"([{"dst": "default", "dev": "e", "metrics": [{"mtu": 1400}]}])"),
            "file: [0].metrics[0].mtu: routes with an MTU are not modelled");
  EXPECT_EQ(routes_error(R"([{"dst": "default", "dev": "e", "metrics": [{"hoplimit": 9}]}])"),
            "file: [0].metrics[0].hoplimit: routes with a hop limit are not modelled");
  EXPECT_EQ(routes_error(R"([{"type": "throw", "dst": "10.99.0.0/16"}])"),
            "file: [0].type: routes that leave their table (throw) are not modelled");
  EXPECT_EQ(routes_error(R"([{"dst": "10.0.0.0/8", "dev": "e",
                              "via": {"family": "inet6", "host": "fe80::1"}}])"),
            "file: [0].via: routes via an address of the other family are not modelled: expected a "
            "\"gateway\" of the destination's");
  EXPECT_EQ(routes_error(R"([{"dst": "default"}])"),
            "file: [0].dev: expected a string, found nothing");
  EXPECT_EQ(routes_error(R"([{"dst": "10.0.0.0/40", "dev": "e"}])"),
            "file: [0].dst: expected default, or ADDRESS/LENGTH, found \"10.0.0.0/40\"");
}

TEST(ReadRoutes, RefusesNeighboursOfTheOtherFamily) {
  EXPECT_EQ(routes_error(R"([{"dst": "10.0.0.0/8", "dev": "e", "gateway": "fe80::1"}])"),
            "file: [0].gateway: expected an address of the destination's family, found "
            "\"fe80::1\"");
  EXPECT_EQ(routes_error(R"([{"dst": "fd00::/8", "dev": "e", "prefsrc": "10.0.0.1"}])"),
            "file: [0].prefsrc: expected an address of the destination's family, found "
            "\"10.0.0.1\"");
}

}  // namespace
}  // namespace kubeproof
