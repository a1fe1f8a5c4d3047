#include "replay/engine/world_setup.h"

#include "replay/engine/child_process.h"
#include "replay/engine/sysctl.h"
#include "tests/unit/engine/kernel_support.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

class WorldSetupTest : public KernelTest {
 protected:
  // What `command` prints once the world is set up.
  std::string output_with(const World& world, const std::vector<std::string>& command) {
    const auto output = space_->run([&]() -> Result<std::string> {
      const auto devices = set_up_world(world);
      if (!devices) return tl::unexpected(devices.error());
      return run_child_checked(command, "");
    });
    EXPECT_TRUE(output) << output.error().message;
    return output.value_or("");
  }
};

TEST_F(WorldSetupTest, InterfacesHaveTheirIndicesNamesAndMtus) {
  World world = small_world();
  world.interfaces[2].mtu = 1450;
  const std::string links = output_with(world, {"ip", "-o", "link"});
  EXPECT_NE(links.find("2: eth0: "), std::string::npos) << links;
  EXPECT_NE(links.find("10: pod1: <POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP> mtu 1450"),
            std::string::npos)
      << links;
}

TEST_F(WorldSetupTest, TheMainTableHoldsTheWorldsRoutesAndNoOthers) {
  const std::string routes = output_with(small_world(), {"ip", "route"});
  EXPECT_EQ(routes,
            "default via 192.168.0.1 dev eth0 onlink \n"
            "10.180.0.9 dev pod1 scope link \n"
            "10.180.0.10 dev pod2 scope link \n"
            "192.168.0.0/24 dev eth0 scope link \n");
}

TEST_F(WorldSetupTest, RoutesWithoutInterfaceAreMade) {
  World world = small_world();
  Route unreachable;
  unreachable.destination = Cidr::parse("10.99.0.0/16").value();
  unreachable.type = RouteType::kUnreachable;
  unreachable.metric = 7;
  world.routes.push_back(unreachable);
  const std::string routes = output_with(world, {"ip", "route"});
  EXPECT_NE(routes.find("unreachable 10.99.0.0/16 metric 7"), std::string::npos) << routes;
}

TEST_F(WorldSetupTest, LinksMayShareAPrefix) {
  World world = small_world();
  Route shared;
  shared.destination = Cidr::parse("fe80::/64").value();
  shared.metric = 256;
  for (const uint32_t interface : {kUplink, kPod1}) {
    shared.interface = interface;
    world.routes.push_back(shared);
  }
  const std::string routes = output_with(world, {"ip", "-6", "route", "show", "fe80::/64"});
  EXPECT_NE(routes.find("dev eth0"), std::string::npos) << routes;
  EXPECT_NE(routes.find("dev pod1"), std::string::npos) << routes;
}

TEST_F(WorldSetupTest, SecondaryAddressesAreSecondaryToTheKernel) {
  World world = small_world();
  InterfaceAddress second = world.interfaces[1].addresses[0];
  second.address = IpAddress::parse("192.168.0.3").value();
  world.interfaces[1].addresses.push_back(second);
  const std::string addresses = output_with(world, {"ip", "-o", "addr", "show", "dev", "eth0"});
  EXPECT_NE(addresses.find("192.168.0.3/24 brd 192.168.0.255 scope global secondary"),
            std::string::npos)
      << addresses;
}

TEST_F(WorldSetupTest, ARouteToAnUnknownInterfaceIsAnErrorThatNamesIt) {
  World world = small_world();
  world.routes[0].interface = 99;
  const auto devices = space_->run([&] { return set_up_world(world); });
  ASSERT_FALSE(devices);
  EXPECT_EQ(devices.error().message, "route to 192.168.0.0/24: no interface has index 99");
}

TEST_F(WorldSetupTest, ForwardingIsAsTheWorldSays) {
  World world = small_world();
  world.sysctls.ip_forward = false;
  EXPECT_EQ(output_with(world, {"cat", "/proc/sys/net/ipv4/ip_forward"}), "0\n");
}

}  // namespace
}  // namespace kubeproof
