#include "datapath/control/service_maps.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "datapath/control/abi_address.h"
#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

// Real maps, since a map that is full is what the kernel says it is.
class ServiceMapsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (create(BPF_MAP_TYPE_HASH, 4, 4, 1) < 0) {
      GTEST_SKIP() << "BPF maps cannot be created here: needs root or CAP_BPF";
    }
  }
  void TearDown() override {
    for (const int fd : fds_) close(fd);
  }

  int create(bpf_map_type type, uint32_t key_size, uint32_t value_size, uint32_t entries) {
    bpf_map_create_opts options{};
    options.sz = sizeof options;
    options.map_flags = BPF_F_NO_PREALLOC;
    const int fd = bpf_map_create(type, nullptr, key_size, value_size, entries, &options);
    if (fd >= 0) fds_.push_back(fd);
    return fd;
  }

  template <class Key, class Value>
  BpfMap<Key, Value> map(const std::string& name, uint32_t entries,
                         bpf_map_type type = BPF_MAP_TYPE_HASH) {
    return {create(type, sizeof(Key), sizeof(Value), entries), name, entries};
  }

  ServiceMapHandles handles(uint32_t frontends = 16, uint32_t backends = 16) {
    return {.frontends = map<abi::frontend_key, abi::frontend>("frontends", frontends),
            .backends = map<abi::backend_key, abi::backend>("backends", backends),
            .members = map<abi::member_key, uint32_t>("members", backends),
            .source_ranges =
                map<abi::source_range_key, uint32_t>("source_ranges", 16, BPF_MAP_TYPE_LPM_TRIE)};
  }

  static ServiceTable table(const std::vector<SliceEndpoint>& endpoints, bool affinity = false) {
    Cluster cluster;
    Service web = service("web", "10.96.0.10");
    web.client_ip_affinity = affinity;
    cluster.services[web.key] = web;
    const EndpointSlice only = slice("web", 8080, endpoints);
    cluster.endpoint_slices[only.key] = only;
    return make_service_table(world(), cluster, {});
  }

  static std::optional<abi::frontend> web(const ServiceMapHandles& maps) {
    abi::frontend_key key{};
    key.address = to_abi(*IpAddress::parse("10.96.0.10"));
    key.port = htons(80);
    key.protocol = kTcp;
    key.family = abi::FAMILY_IPV4;
    key.kind = abi::FRONTEND_ADDRESS;
    return maps.frontends.find(key);
  }

  // "10.0.0.1 10.0.0.2 ", or "?" for each backend that the frontend promises and the map lacks.
  static std::string backends_of_web(const ServiceMapHandles& maps) {
    const auto frontend = web(maps);
    if (!frontend) return "no frontend";
    std::string result;
    for (uint32_t i = 0; i < frontend->cluster_count; ++i) {
      const auto backend = maps.backends.find({.set = frontend->cluster_set, .index = i});
      result += (backend ? from_abi(backend->address, abi::FAMILY_IPV4).to_string() : "?") + " ";
    }
    return result;
  }

 private:
  std::vector<int> fds_;
};

TEST_F(ServiceMapsTest, AFrontendLeadsToItsBackends) {
  const auto maps = handles();
  ServiceMaps service_maps(maps);
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")})));
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
  EXPECT_EQ(web(maps)->local_count, 1u);
  EXPECT_EQ(service_maps.service_name(web(maps)->service_id), "default/web");
}

TEST_F(ServiceMapsTest, AServiceWithoutEndpointsDoesNotHideAnotherAtTheSameAddress) {
  const auto maps = handles();
  ServiceMaps service_maps(maps);
  Cluster cluster;
  for (const char* name : {"empty", "web"}) {
    Service one = service(name, name == std::string("web") ? "10.96.0.11" : "10.96.0.12");
    one.external_ips = {"10.96.0.10"};
    cluster.services[one.key] = one;
  }
  const EndpointSlice only = slice("web", 8080, {endpoint("10.0.0.1", "node-a")});
  cluster.endpoint_slices[only.key] = only;
  ASSERT_TRUE(service_maps.program(make_service_table(world(), cluster, {})));
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 ");
}

TEST_F(ServiceMapsTest, EveryWriteLeavesTheOldOrTheNewService) {
  const auto maps = handles();
  ServiceMaps service_maps(maps);
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")})));
  size_t writes = 0;
  service_maps.observe_writes([&] {
    ++writes;
    const std::string seen = backends_of_web(maps);
    EXPECT_TRUE(seen == "10.0.0.1 10.0.0.2 " || seen == "10.0.0.3 10.0.0.4 ") << seen;
  });
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.3", "node-b"), endpoint("10.0.0.4", "node-b")})));
  EXPECT_EQ(backends_of_web(maps), "10.0.0.3 10.0.0.4 ");
  EXPECT_GE(writes, 3u);
}

TEST_F(ServiceMapsTest, WhatDidNotChangeIsNotWritten) {
  ServiceMaps service_maps(handles());
  ASSERT_TRUE(service_maps.program(table({endpoint("10.0.0.1", "node-a")})));
  service_maps.observe_writes([] { ADD_FAILURE() << "a write"; });
  ASSERT_TRUE(service_maps.program(table({endpoint("10.0.0.1", "node-a")})));
}

TEST_F(ServiceMapsTest, AnEndpointKeepsItsIdentifierAndAnotherNeverGetsIt) {
  const auto maps = handles();
  ServiceMaps service_maps(maps);
  const auto first_id = [&] {
    return maps.backends.find({.set = web(maps)->cluster_set, .index = 0})->id;
  };
  ASSERT_TRUE(service_maps.program(table({endpoint("10.0.0.1", "node-a")})));
  const uint32_t id = first_id();
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")})));
  EXPECT_EQ(first_id(), id);
  ASSERT_TRUE(service_maps.program(table({endpoint("10.0.0.2", "node-b")})));
  ASSERT_TRUE(service_maps.program(table({endpoint("10.0.0.1", "node-a")})));
  EXPECT_NE(first_id(), id);
}

TEST_F(ServiceMapsTest, AClusterThatDoesNotFitLeavesWhatWasThere) {
  const auto maps = handles(16, 4);
  ServiceMaps service_maps(maps);
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-b"), endpoint("10.0.0.2", "node-b")})));
  std::vector<SliceEndpoint> five;
  for (int i = 1; i <= 5; ++i) five.push_back(endpoint("10.0.1." + std::to_string(i), "node-b"));
  const auto refused = service_maps.program(table(five));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'backends' holds 4 entries, and this cluster needs 5");
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
}

TEST_F(ServiceMapsTest, AMapThatFillsUpOnTheWayIsTurnedBack) {
  const auto maps = handles(16, 4);
  ServiceMaps service_maps(maps);
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-b"), endpoint("10.0.0.2", "node-b")})));
  // Three fit, but not beside the two that they replace.
  const auto three = table({endpoint("10.0.1.1", "node-b"), endpoint("10.0.1.2", "node-b"),
                            endpoint("10.0.1.3", "node-b")});
  const auto refused = service_maps.program(three);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "BPF map 'backends' is full: it holds 4 entries");
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
  // Nothing of the attempt is left: two more would fit.
  EXPECT_TRUE(service_maps.program(
      table({endpoint("10.0.2.1", "node-b"), endpoint("10.0.2.2", "node-b")})));
}

TEST_F(ServiceMapsTest, MembersTellWhereAnEndpointStandsForAffinity) {
  const auto maps = handles();
  ServiceMaps service_maps(maps);
  ASSERT_TRUE(service_maps.program(
      table({endpoint("10.0.0.1", "node-b"), endpoint("10.0.0.2", "node-b")}, true)));
  const uint32_t set = web(maps)->cluster_set;
  const auto second = maps.backends.find({.set = set, .index = 1});
  EXPECT_EQ(maps.members.find({.set = set, .backend_id = second->id}), 1u);
}

}  // namespace
}  // namespace kubeproof::control
