// The index finds what the plain walk through all routes finds.
#include "model/node/ingress_index.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/unit/node/node_fixture.h"

namespace kubeproof {
namespace {

class ArbitraryRoutes {
 public:
  explicit ArbitraryRoutes(uint32_t seed) : random_(seed) {}

  World world() {
    World world = world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.7"})})});
    for (uint32_t i = 0; i < 200; ++i) world.routes.push_back(route());
    return world;
  }

  // From few of them, so that prefixes nest.
  IpAddress address() {
    if (below(2) == 0) return IpAddress::v4(0x0ab40000 | below(4) << 8 | below(8));
    std::array<uint8_t, 16> bytes{0xfd, 0, 0, 0x10};
    bytes[7] = static_cast<uint8_t>(below(4));
    bytes[15] = static_cast<uint8_t>(below(8));
    return IpAddress::v6(bytes);
  }

 private:
  uint32_t below(uint32_t bound) { return static_cast<uint32_t>(random_() % bound); }

  Route route() {
    constexpr RouteType kTypes[] = {RouteType::kUnicast, RouteType::kUnicast, RouteType::kBlackhole,
                                    RouteType::kUnreachable};
    const IpAddress to = address();
    Route made;
    made.destination = Cidr(to, static_cast<uint8_t>(below(to.is_v4() ? 33 : 129)));
    made.interface = below(2) == 0 ? 10 : below(4);
    made.metric = below(3);
    made.type = kTypes[below(4)];
    return made;
  }

  std::mt19937 random_;
};

TEST(IngressIndex, FindsWhatTheWalkThroughAllRoutesFinds) {
  for (uint32_t seed = 0; seed < 20; ++seed) {
    ArbitraryRoutes routes(seed);
    const World world = routes.world();
    const IngressIndex index(world);
    for (int i = 0; i < 200; ++i) {
      const IpAddress source = routes.address();
      ASSERT_EQ(index.for_source(source), world.ingress_for_source(source)) << source.to_string();
    }
  }
}

TEST(IngressIndex, KnowsTheNodesOwnAddresses) {
  const World world = world_of(dual_stack_node(), {cluster_of({pod("a", {"10.180.0.7"})})});
  const IngressIndex index(world);
  for (const char* own : {"192.168.0.2", "2001:db8::2", "127.5.6.7", "::1"}) {
    EXPECT_TRUE(index.for_source(address(own)).is_host()) << own;
  }
}

}  // namespace
}  // namespace kubeproof
