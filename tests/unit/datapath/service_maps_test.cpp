#include "datapath/control/service_maps.h"

#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <set>
#include <thread>

#include "datapath/control/abi_address.h"
#include "datapath/control/service_programmer.h"
#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

// What Datapath does about services alone.
class Services {
 public:
  explicit Services(ServiceMapHandles maps) : programmer_(std::move(maps)) {}

  Result<void> program(const Cluster& cluster, const NodeFacts& node = {}) {
    MapTransaction writes(observer_);
    if (auto done = programmer_.prepare(cluster, node, writes); !done) return done;
    writes.commit();
    programmer_.take_over();
    return {};
  }
  void observe_writes(WriteObserver observer) { observer_ = std::move(observer); }
  ServiceMaps& maps() { return programmer_.maps(); }

 private:
  WriteObserver observer_;
  ServiceProgrammer programmer_;
};

constexpr uint32_t kLatest = std::numeric_limits<uint32_t>::max();

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
    return {.frontends = map<abi::frontend_key, abi::frontend_versions>("frontends", frontends),
            .backends = map<abi::backend_key, abi::backend>("backends", backends),
            .members = map<abi::member_key, uint32_t>("members", backends),
            .source_ranges =
                map<abi::source_range_key, uint32_t>("source_ranges", 16, BPF_MAP_TYPE_LPM_TRIE)};
  }

  static Cluster cluster(const std::vector<SliceEndpoint>& endpoints, bool affinity = false) {
    Cluster cluster;
    Service web = service("web", "10.96.0.10");
    web.client_ip_affinity = affinity;
    put(cluster, web, endpoints);
    return cluster;
  }

  static void put(Cluster& cluster, const Service& service,
                  const std::vector<SliceEndpoint>& endpoints) {
    cluster.services[service.key] = service;
    const EndpointSlice only = slice(service.key.name, 8080, endpoints);
    cluster.endpoint_slices[only.key] = only;
  }

  // Services at 10.96.0.10, each with an endpoint and for clients of its own.
  static Cluster sharing(const std::vector<std::string>& names) {
    Cluster cluster;
    for (size_t i = 0; i < names.size(); ++i) {
      Service one =
          service(names[i], IpAddress::v4(0x0a610000U + static_cast<uint32_t>(i)).to_string());
      one.load_balancer_ingress = {{.ip = "10.96.0.10"}};
      one.load_balancer_source_ranges = {"192.0.2.0/24"};
      put(cluster, one, endpoints(0, 1));
    }
    return cluster;
  }

  // How many frontends the list has.
  static size_t listed(const ServiceMapHandles& maps, uint32_t list) {
    abi::frontend_key key{};
    key.kind = abi::FRONTEND_LISTED;
    key.address.words[0] = list;
    key.address.words[1] = 1;
    while (maps.frontends.find(key)) ++key.address.words[1];
    return key.address.words[1] - 1;
  }

  // 10.0.NETWORK.1 … 10.0.NETWORK.COUNT
  static std::vector<SliceEndpoint> endpoints(int network, int count) {
    std::vector<SliceEndpoint> result;
    for (int i = 1; i <= count; ++i) {
      result.push_back(endpoint(fmt::format("10.0.{}.{}", network, i), "node-b"));
    }
    return result;
  }

  static Result<void> program(Services& services, const Cluster& cluster) {
    return services.program(cluster);
  }

  static abi::frontend_key key_of(const IpAddress& address) {
    abi::frontend_key key{};
    key.address = to_abi(address);
    key.port = htons(80);
    key.protocol = kTcp;
    key.family = abi::FAMILY_IPV4;
    key.kind = abi::FRONTEND_ADDRESS;
    return key;
  }

  // What a packet that goes by that state meets.
  static std::optional<abi::frontend> frontend_at(const ServiceMapHandles& maps,
                                                  const IpAddress& address,
                                                  uint32_t state = kLatest) {
    const auto versions = maps.frontends.find(key_of(address));
    if (!versions) return std::nullopt;
    const abi::frontend& frontend = state < versions->since ? versions->before : versions->after;
    return frontend.service_id == 0 ? std::nullopt : std::optional(frontend);
  }

  static std::optional<abi::frontend> web(const ServiceMapHandles& maps, uint32_t state = kLatest) {
    return frontend_at(maps, IpAddress::v4(0x0a60000aU), state);
  }

  // "10.0.0.1 10.0.0.2 ", or "?" for each backend that the frontend promises and the map lacks.
  static std::string backends_of_web(const ServiceMapHandles& maps, uint32_t state = kLatest) {
    const auto frontend = web(maps, state);
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
  Services services(maps);
  const auto two = cluster({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")});
  ASSERT_TRUE(services.program(two, node_facts(world(), two, {})));
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
  EXPECT_EQ(services.maps().service_name(web(maps)->service_id), "default/web");
}

TEST_F(ServiceMapsTest, EndpointsHereAreListedWhereAPolicyAsksForThem) {
  const auto maps = handles();
  Services services(maps);
  auto two = cluster({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")});
  ASSERT_TRUE(services.program(two, node_facts(world(), two, {})));
  EXPECT_EQ(web(maps)->local_count, 0u);
  two.services.begin()->second.internal_traffic_policy = TrafficPolicy::kLocal;
  ASSERT_TRUE(services.program(two, node_facts(world(), two, {})));
  EXPECT_EQ(web(maps)->local_count, 1u);
  EXPECT_EQ(web(maps)->cluster_count, 0u);
}

TEST_F(ServiceMapsTest, AServiceWithoutEndpointsDoesNotHideAnotherAtTheSameAddress) {
  const auto maps = handles();
  Services services(maps);
  Cluster cluster;
  for (const char* name : {"empty", "web"}) {
    Service one = service(name, name == std::string("web") ? "10.96.0.11" : "10.96.0.12");
    one.external_ips = {"10.96.0.10"};
    cluster.services[one.key] = one;
  }
  const EndpointSlice only = slice("web", 8080, {endpoint("10.0.0.1", "node-a")});
  cluster.endpoint_slices[only.key] = only;
  ASSERT_TRUE(program(services, cluster));
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 ");
}

TEST_F(ServiceMapsTest, NoWriteChangesThePresentState) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 2))));
  const uint32_t present = services.maps().next_state();
  size_t writes = 0;
  services.observe_writes([&] {
    ++writes;
    EXPECT_EQ(backends_of_web(maps, present), "10.0.0.1 10.0.0.2 ");
  });
  ASSERT_TRUE(program(services, cluster(endpoints(1, 2))));
  EXPECT_EQ(backends_of_web(maps), "10.0.1.1 10.0.1.2 ");
  EXPECT_GE(writes, 3u);
}

TEST_F(ServiceMapsTest, AProgramThatReadTheOldFrontendStillFindsItsBackends) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  const abi::backend_key old{.set = web(maps)->cluster_set, .index = 0};
  ASSERT_TRUE(program(services, cluster(endpoints(1, 1))));
  EXPECT_TRUE(maps.backends.find(old));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  services.maps().remove_retired();
  EXPECT_FALSE(maps.backends.find(old));
}

TEST_F(ServiceMapsTest, AProgramThatReadTheOldFrontendStillFindsTheOthersAtItsAddress) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, sharing({"a", "b", "c"})));
  const uint32_t old = web(maps)->others;
  ASSERT_NE(old, 0u);
  EXPECT_EQ(listed(maps, old), 2u);
  ASSERT_TRUE(program(services, sharing({"a", "c"})));
  EXPECT_NE(web(maps)->others, old);
  EXPECT_EQ(listed(maps, web(maps)->others), 1u);
  EXPECT_EQ(listed(maps, old), 2u) << "whole, as it was";
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  services.maps().remove_retired();
  EXPECT_EQ(listed(maps, old), 0u);
  ASSERT_TRUE(program(services, sharing({"a"})));
  EXPECT_EQ(web(maps)->others, 0u);
}

TEST_F(ServiceMapsTest, TheOthersAtAnAddressAreWrittenAnewOnlyWhereTheyDiffer) {
  const auto maps = handles();
  Services services(maps);
  Cluster cluster = sharing({"a", "b", "c"});
  ASSERT_TRUE(program(services, cluster));
  const uint32_t list = web(maps)->others;
  size_t writes = 0;
  services.observe_writes([&] { ++writes; });
  const EndpointSlice only = slice("a", 8080, endpoints(3, 1));
  cluster.endpoint_slices[only.key] = only;
  ASSERT_TRUE(program(services, cluster));
  EXPECT_EQ(web(maps)->others, list);
  EXPECT_EQ(writes, 3u) << "a backend, a cluster IP, and the address that all share";
}

TEST_F(ServiceMapsTest, ListsAreCountedBesideThoseThatTheyReplace) {
  // Three cluster IPs, the address, and a list of two others there, which one of one replaces.
  Services enough(handles(7));
  ASSERT_TRUE(program(enough, sharing({"a", "b", "c"})));
  EXPECT_TRUE(program(enough, sharing({"a", "c"})));
  EXPECT_TRUE(program(enough, sharing({"a", "b", "c"}))) << "what is retired makes room";
  Services too_few(handles(6));
  ASSERT_TRUE(program(too_few, sharing({"a", "b", "c"})));
  const auto refused = program(too_few, sharing({"a", "c"}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'frontends' holds 6 entries, and the old and the new services, side by side, "
            "need 7");
}

TEST_F(ServiceMapsTest, TooManyAtOneAddressLeaveWhatWasThere) {
  ServiceMapHandles maps = handles(2000, 2000);
  maps.source_ranges =
      map<abi::source_range_key, uint32_t>("source_ranges", 2000, BPF_MAP_TYPE_LPM_TRIE);
  Services services(maps);
  ASSERT_TRUE(program(services, sharing({"a", "b"})));
  const auto before = *web(maps);
  services.observe_writes([] { ADD_FAILURE() << "a write"; });
  std::vector<std::string> names;
  for (int i = 0; i <= FRONTENDS_AT_ONE_PLACE; ++i) names.push_back(fmt::format("s{}", i));
  const auto refused = program(services, sharing(names));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "TCP 10.96.0.10:80: 257 services share it, and the datapath tells 256 apart");
  const auto after = web(maps);
  ASSERT_TRUE(after);
  EXPECT_EQ(std::memcmp(&before, &*after, sizeof before), 0);
  services.observe_writes({});
  names.pop_back();
  EXPECT_TRUE(program(services, sharing(names)));
  EXPECT_EQ(listed(maps, web(maps)->others), size_t{FRONTENDS_AT_ONE_PLACE} - 1);
}

TEST_F(ServiceMapsTest, WhatDidNotChangeIsNotWritten) {
  Services services(handles());
  Cluster both = cluster(endpoints(0, 1));
  put(both, service("other", "10.96.0.11"), endpoints(1, 1));
  ASSERT_TRUE(program(services, both));
  size_t writes = 0;
  services.observe_writes([&] { ++writes; });
  ASSERT_TRUE(program(services, both));
  EXPECT_EQ(writes, 0u);
  put(both, service("other", "10.96.0.11"), endpoints(2, 1));
  ASSERT_TRUE(program(services, both));
  EXPECT_EQ(writes, 2u) << "its backend and its frontend";
}

TEST_F(ServiceMapsTest, AnEndpointKeepsItsIdentifierAndAnotherNeverGetsIt) {
  const auto maps = handles();
  Services services(maps);
  const auto first_id = [&] {
    return maps.backends.find({.set = web(maps)->cluster_set, .index = 0})->id;
  };
  ASSERT_TRUE(program(services, cluster({endpoint("10.0.0.1", "node-a")})));
  const uint32_t id = first_id();
  ASSERT_TRUE(
      program(services, cluster({endpoint("10.0.0.1", "node-a"), endpoint("10.0.0.2", "node-b")})));
  EXPECT_EQ(first_id(), id);
  ASSERT_TRUE(program(services, cluster({endpoint("10.0.0.2", "node-b")})));
  ASSERT_TRUE(program(services, cluster({endpoint("10.0.0.1", "node-a")})));
  EXPECT_NE(first_id(), id);
}

TEST_F(ServiceMapsTest, AServiceThatComesBackIsAnother) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  const uint32_t id = web(maps)->service_id;
  ASSERT_TRUE(program(services, Cluster()));
  EXPECT_FALSE(web(maps));
  EXPECT_EQ(services.maps().service_name(id), "");
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  EXPECT_NE(web(maps)->service_id, id);
}

TEST_F(ServiceMapsTest, AnEndpointThatMovesToAnotherSliceStays) {
  const auto maps = handles();
  Services services(maps);
  Cluster moving = cluster(endpoints(0, 1));
  ASSERT_TRUE(program(services, moving));
  EndpointSlice second = slice("web", 8080, endpoints(0, 1));
  second.key.name = "web-def";
  moving.endpoint_slices[second.key] = second;
  services.observe_writes([] { ADD_FAILURE() << "a write"; });
  ASSERT_TRUE(program(services, moving)) << "in both";
  moving.endpoint_slices.erase({"default", "web-abc"});
  ASSERT_TRUE(program(services, moving)) << "in the new one only";
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 ");
}

TEST_F(ServiceMapsTest, AClusterThatDoesNotFitLeavesWhatWasThere) {
  const auto maps = handles(16, 4);
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 2))));
  services.observe_writes([] { ADD_FAILURE() << "a write"; });
  const auto refused = program(services, cluster(endpoints(1, 5)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'backends' holds 4 entries, and this cluster needs 5");
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
}

TEST_F(ServiceMapsTest, EveryMapSaysWhenItIsTooSmall) {
  const auto refusal = [&](const ServiceMapHandles& maps, const Cluster& cluster) {
    Services services(maps);
    const auto refused = program(services, cluster);
    return refused ? "none" : refused.error().message;
  };
  Cluster two = cluster(endpoints(0, 1));
  put(two, service("other", "10.96.0.11"), {});
  EXPECT_EQ(refusal(handles(1, 4), two),
            "BPF map 'frontends' holds 1 entries, and this cluster needs 2");
  Cluster guarded;
  Service web = service("web", "10.96.0.10");
  web.load_balancer_ingress = {{.ip = "203.0.113.9", .proxy_mode = false}};
  for (int i = 0; i < 17; ++i) {
    web.load_balancer_source_ranges.push_back(fmt::format("192.0.{}.0/24", i));
  }
  put(guarded, web, {});
  EXPECT_EQ(refusal(handles(), guarded),
            "BPF map 'source_ranges' holds 16 entries, and this cluster needs 17");
  ServiceMapHandles few_members = handles();
  few_members.members = map<abi::member_key, uint32_t>("members", 1);
  EXPECT_EQ(refusal(few_members, cluster(endpoints(0, 2), true)),
            "BPF map 'members' holds 1 entries, and this cluster needs 2");
}

TEST_F(ServiceMapsTest, WhatFitsButNotBesideTheOldIsRefusedBeforeAnythingIsWritten) {
  const auto maps = handles(16, 4);
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 2))));
  const auto refused = program(services, cluster(endpoints(1, 3)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'backends' holds 4 entries, and the old and the new services, side by side, "
            "need 5");
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 ");
}

TEST_F(ServiceMapsTest, AMapThatFitsTwiceCanBeTurnedOverAgainAndAgain) {
  const auto maps = handles(16, 4);
  Services services(maps);
  for (int network = 0; network < 5; ++network) {
    const auto done = program(services, cluster(endpoints(network, 2)));
    ASSERT_TRUE(done) << done.error().message;
    EXPECT_EQ(backends_of_web(maps), fmt::format("10.0.{0}.1 10.0.{0}.2 ", network));
  }
}

TEST_F(ServiceMapsTest, AWriteThatFailsOnTheWayIsTakenBack) {
  const auto maps = handles(16, 8);
  // Less than control takes it for, as where the kernel is out of memory.
  ServiceMapHandles claimed = maps;
  claimed.backends = {maps.backends.fd(), "backends", 100};
  Services services(claimed);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 4))));
  const auto refused = program(services, cluster(endpoints(1, 9)));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "BPF map 'backends' is full: it holds 100 entries");
  EXPECT_EQ(backends_of_web(maps), "10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 ");
  // Nothing of the attempt is left: as many as were free fit.
  EXPECT_TRUE(program(services, cluster(endpoints(2, 4))));
  EXPECT_EQ(backends_of_web(maps), "10.0.2.1 10.0.2.2 10.0.2.3 10.0.2.4 ");
}

TEST_F(ServiceMapsTest, ATrieOfPrefixesSaysThatItIsFull) {
  const auto one = map<abi::source_range_key, uint32_t>("one", 1, BPF_MAP_TYPE_LPM_TRIE);
  ASSERT_TRUE(one.put({.prefix_length = 32, .list = 1, .address = {}}, 1));
  const auto refused = one.put({.prefix_length = 32, .list = 2, .address = {}}, 1);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "BPF map 'one' is full: it holds 1 entries");
}

TEST_F(ServiceMapsTest, WhatCannotBeTakenBackStaysToBeTakenBack) {
  const auto two = map<uint32_t, uint32_t>("two", 2);
  ASSERT_TRUE(two.put(1, 10));
  const WriteObserver nobody;
  MapTransaction writes(nobody);
  ASSERT_TRUE(writes.insert(two, 2U, 20U));
  ASSERT_TRUE(writes.erase(two, 1U, 10U));
  ASSERT_TRUE(writes.replace(two, 2U, 20U, 21U));
  ASSERT_TRUE(two.put(3, 30)) << "somebody else's";
  const auto refused = writes.take_back();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "BPF map 'two' is full: it holds 2 entries");
  EXPECT_FALSE(writes.empty());
  EXPECT_EQ(two.find(2), 20U) << "as far as it went";
  ASSERT_TRUE(two.erase(3));
  ASSERT_TRUE(writes.take_back());
  EXPECT_TRUE(writes.empty());
  EXPECT_EQ(two.find(1), 10U);
  EXPECT_FALSE(two.find(2));
}

TEST_F(ServiceMapsTest, WhatWasRefusedIsMadeUpFor) {
  const auto maps = handles(16, 4);
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  Cluster more = cluster(endpoints(1, 2));
  put(more, service("other", "10.96.0.11"), endpoints(2, 3));
  EXPECT_FALSE(program(services, more));
  put(more, service("other", "10.96.0.11"), {});
  ASSERT_TRUE(program(services, more)) << "web differs no more from the last snapshot";
  EXPECT_EQ(backends_of_web(maps), "10.0.1.1 10.0.1.2 ");
}

TEST_F(ServiceMapsTest, AFrontendThatIsGoneIsThereForPacketsOfTheStateBefore) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  const uint32_t before = services.maps().next_state();
  ASSERT_TRUE(program(services, Cluster()));
  EXPECT_EQ(backends_of_web(maps), "no frontend");
  EXPECT_EQ(backends_of_web(maps, before), "10.0.0.1 ");
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  services.maps().remove_retired();
  EXPECT_FALSE(maps.frontends.find(key_of(*IpAddress::parse("10.96.0.10"))));
}

TEST_F(ServiceMapsTest, AFrontendThatComesBackOutlivesTheOneThatWasGone) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 1))));
  ASSERT_TRUE(program(services, Cluster()));
  ASSERT_TRUE(program(services, cluster(endpoints(1, 1))));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  services.maps().remove_retired();
  EXPECT_EQ(backends_of_web(maps), "10.0.1.1 ");
}

TEST_F(ServiceMapsTest, FrontendsHaveToFitBesideThoseThatGo) {
  const auto at = [](const std::string& address) {
    Cluster cluster;
    put(cluster, service("web", address), endpoints(0, 1));
    return cluster;
  };
  Services services(handles(2));
  for (const char* address : {"10.96.0.1", "10.96.0.2", "10.96.0.3"}) {
    EXPECT_TRUE(program(services, at(address))) << "what is retired makes room";
  }
  Services narrow(handles(1));
  ASSERT_TRUE(program(narrow, at("10.96.0.1")));
  const auto refused = program(narrow, at("10.96.0.2"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'frontends' holds 1 entries, and the old and the new services, side by side, "
            "need 2");
}

TEST_F(ServiceMapsTest, ManyServicesHaveIdentifiersOfTheirOwn) {
  constexpr int kServices = 70'000;
  const auto maps = handles(kServices, kServices);
  Services services(maps);
  Cluster many;
  for (int i = 0; i < kServices; ++i) {
    put(many, service(fmt::format("s{}", i), IpAddress::v4(0x0a600000U + i).to_string()),
        endpoints(i / 250 % 250, 1));
  }
  ASSERT_TRUE(program(services, many));
  std::set<uint32_t> seen;
  for (int i = 0; i < kServices; ++i) {
    const auto frontend = frontend_at(maps, IpAddress::v4(0x0a600000U + i));
    ASSERT_TRUE(frontend);
    seen.insert(frontend->service_id);
  }
  EXPECT_EQ(seen.size(), size_t{kServices});
}

TEST_F(ServiceMapsTest, MembersTellWhereAnEndpointStandsForAffinity) {
  const auto maps = handles();
  Services services(maps);
  ASSERT_TRUE(program(services, cluster(endpoints(0, 2), true)));
  const uint32_t set = web(maps)->cluster_set;
  const auto second = maps.backends.find({.set = set, .index = 1});
  EXPECT_EQ(maps.members.find({.set = set, .backend_id = second->id}), 1u);
}

}  // namespace
}  // namespace kubeproof::control
