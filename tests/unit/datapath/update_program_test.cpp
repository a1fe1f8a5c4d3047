// An update writes many entries, and packets pass between any two of the writes. Each of them must
// meet what there was before or what there is to be, and nothing else: here packets are sent after
// every single write.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "datapath/bpf/config_abi.h"
#include "replay/engine/file_descriptor.h"
#include "tests/unit/datapath/control_fixture.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

struct Probe {
  uint32_t interface = 0;
  PacketBuilder packet;
  uint32_t mark = 0;
};

class UpdateProgram : public ProgramTest {
 protected:
  static Probe from_pod(const std::string& to) {
    return {kPod1, PacketBuilder::tcp("10.180.0.9:4000", to).syn()};
  }
  static Probe from_outside(const std::string& to, const std::string& from = "203.0.113.7:4000") {
    return {kEth0, PacketBuilder::tcp(from, to).syn()};
  }
  // To every frontend of web_service().
  static std::vector<Probe> to_web() {
    return {from_pod("10.96.0.10:80"), from_outside("198.51.100.7:80"),
            from_outside("203.0.113.80:80"), from_outside("192.168.0.2:30080"),
            from_outside("10.96.0.10:80")};
  }

  void put(const Service& service) { cluster_.services[service.key] = service; }
  void put_endpoints(const std::vector<std::string>& addresses,
                     const std::string& slice_name = "web-abc") {
    EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, addresses, 8080);
    slice.key.name = slice_name;
    cluster_.endpoint_slices[slice.key] = slice;
  }

  // What becomes of a packet, without what is left to chance.
  std::string outcome(const Probe& probe) {
    const Ran ran = ingress(probe.interface, probe.packet, probe.mark);
    const PacketView view = ran.view();
    return fmt::format("{} to {} for reason {}, mark {:x}, flags {:x}", ran.verdict,
                       view.destination_endpoint().to_string(), ran.record.reason, ran.mark,
                       ran.record.flags & ~uint32_t{abi::TRACE_PORT_REDRAWN});
  }
  std::vector<std::string> outcomes(const std::vector<Probe>& probes) {
    std::vector<std::string> result;
    for (const Probe& probe : probes) {
      forget_();
      result.push_back(outcome(probe));
    }
    return result;
  }

  // Programs what `change` makes of the objects and the node. How many writes that took.
  size_t update(const std::vector<Probe>& probes, const std::function<void()>& change,
                bool seen = true) {
    program();
    const auto before = outcomes(probes);
    change();
    std::vector<std::vector<std::string>> between;
    datapath_->observe_writes([&] { between.push_back(outcomes(probes)); });
    program();
    datapath_->observe_writes({});
    const auto after = outcomes(probes);
    EXPECT_EQ(before != after, seen) << "whether the change can be seen";
    for (const auto& met : between) {
      for (size_t i = 0; i < probes.size(); ++i) {
        EXPECT_TRUE(met[i] == before[i] || met[i] == after[i])
            << "packet " << i << ": " << met[i] << "\n  before: " << before[i]
            << "\n  after: " << after[i];
      }
    }
    return between.size();
  }

  // Of a change that means nothing to these packets.
  size_t unseen_update(const std::vector<Probe>& probes, const std::function<void()>& change) {
    return update(probes, change, false);
  }

  // Of web_service(), without its frontends, at an address that others have, too.
  static Service sharing(const std::string& name, uint8_t number) {
    Service service = web_service(Family::kIpv4, kTcp);
    service.key.name = name;
    service.cluster_ip = fmt::format("10.96.0.{}", number);
    service.cluster_ips = {service.cluster_ip};
    service.ports[0].node_port = static_cast<uint16_t>(30000 + number);
    service.external_ips = {};
    service.load_balancer_ingress = {};
    return service;
  }
  static Service with_external_ip(const std::string& name, uint8_t number,
                                  TrafficPolicy policy = TrafficPolicy::kCluster) {
    Service service = sharing(name, number);
    service.external_ips = {kShared};
    service.external_traffic_policy = policy;
    return service;
  }
  static Service for_sources(const std::string& name, uint8_t number, const std::string& range) {
    Service service = sharing(name, number);
    service.load_balancer_ingress = {{.ip = kShared}};
    service.load_balancer_source_ranges = {range};
    return service;
  }
  void put_endpoint(const std::string& service, const std::string& address) {
    EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {address}, 8080);
    slice.key.name = service + "-abc";
    slice.labels["kubernetes.io/service-name"] = service;
    cluster_.endpoint_slices[slice.key] = slice;
  }
  static std::vector<Probe> to_shared() {
    return {from_outside("203.0.113.80:80", "198.18.0.7:4000"),
            from_outside("203.0.113.80:80", "192.0.2.7:4000"),
            from_outside("203.0.113.80:80", "203.0.113.9:4000")};
  }

  static constexpr const char* kShared = "203.0.113.80";
  std::function<void()> forget_ = [this] { datapath_->forget_packets(); };
};

TEST_F(UpdateProgram, EndpointsAreReplaced) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  EXPECT_GE(update(to_web(), [&] { put_endpoints({"10.180.1.8"}); }), 5U);
}

TEST_F(UpdateProgram, EndpointsGoAndCome) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  update(to_web(), [&] { cluster_.endpoint_slices.clear(); });
  update(to_web(), [&] { put_endpoints({"10.180.1.8"}); });
}

TEST_F(UpdateProgram, EndpointsOfTheNodeAreReplacedUnderPolicyLocal) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.external_traffic_policy = TrafficPolicy::kLocal;
  put(web);
  put_endpoints({"10.180.0.9"});
  update(to_web(), [&] { put_endpoints({"10.180.0.10"}); });
  update(to_web(), [&] { put_endpoints({"10.180.1.7"}); });
}

TEST_F(UpdateProgram, EndpointsUnderAffinityAreReplaced) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.client_ip_affinity = true;
  put(web);
  put_endpoints({"10.180.1.7", "10.180.1.8"});
  program();
  // The client has been led to one of the two; that one stays, the other goes.
  const auto led_to = ingress(kPod1, from_pod("10.96.0.10:80").packet).view().destination;
  uint16_t port = 4001;
  const auto connect = [&] {
    return ingress(kPod1,
                   PacketBuilder::tcp(fmt::format("10.180.0.9:{}", port++), "10.96.0.10:80").syn())
        .view()
        .destination;
  };
  size_t writes = 0;
  datapath_->observe_writes([&] {
    ++writes;
    EXPECT_EQ(connect(), led_to);
  });
  put_endpoints({led_to.to_string(), "10.180.1.1", "10.180.1.9"});
  program();
  EXPECT_GE(writes, 7U) << "backends and members";
}

TEST_F(UpdateProgram, ASetWithOrWithoutAffinityIsWhole) {
  Service web = web_service(Family::kIpv4, kTcp);
  put(web);
  put_endpoints({"10.180.1.7"});
  web.client_ip_affinity = true;
  update(to_web(), [&] {
    put(web);
    put_endpoints({"10.180.1.8"});
  });
  web.client_ip_affinity = false;
  update(to_web(), [&] {
    put(web);
    put_endpoints({"10.180.1.7"});
  });
}

TEST_F(UpdateProgram, SourceRangesChange) {
  Service web = web_service(Family::kIpv4, kTcp);
  const std::vector<Probe> probes = {from_outside("203.0.113.80:80", "192.0.2.7:4000"),
                                     from_outside("203.0.113.80:80", "198.18.0.7:4000"),
                                     from_outside("203.0.113.80:80", "198.19.0.7:4000")};
  web.load_balancer_source_ranges = {"192.0.2.0/24", "198.19.0.0/16"};
  put(web);
  put_endpoints({"10.180.1.7"});
  update(probes, [&] {
    web.load_balancer_source_ranges = {"198.18.0.0/16", "198.19.0.0/16"};
    put(web);
  });
  update(probes, [&] {
    web.load_balancer_source_ranges = {"192.0.2.0/24", "2001:db8::/32"};
    put(web);
  });
  update(probes, [&] {
    web.load_balancer_source_ranges = {};
    put(web);
  });
  EXPECT_EQ(ingress(kEth0, from_outside("203.0.113.80:80", "192.0.2.9:4000").packet).record.reason,
            abi::REASON_NEW_FLOW);
}

TEST_F(UpdateProgram, AServiceIsDeletedAndComesBack) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  update(to_web(), [&] { cluster_.services.clear(); });
  update(to_web(), [&] { put(web_service(Family::kIpv4, kTcp)); });
}

TEST_F(UpdateProgram, AServiceIsRenamed) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  update(to_web(), [&] {
    cluster_ = {};
    Service other = web_service(Family::kIpv4, kTcp);
    other.key.name = "another";
    put(other);
    EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {"10.180.1.8"}, 8080);
    slice.labels["kubernetes.io/service-name"] = "another";
    cluster_.endpoint_slices[slice.key] = slice;
  });
}

TEST_F(UpdateProgram, AnExternalIpOfTheNodeBecomesANodePortAndBack) {
  Service web = web_service(Family::kIpv4, kTcp);
  web.external_ips = {"192.168.0.2"};
  web.ports[0].port = 30000;
  web.ports[0].node_port = 31000;
  put(web);
  put_endpoints({"10.180.1.7"});
  const std::vector<Probe> probes = {from_outside("192.168.0.2:30000")};
  update(probes, [&] {
    web.external_ips = {};
    web.ports[0].node_port = 30000;
    put(web);
  });
  update(probes, [&] {
    web.external_ips = {"192.168.0.2"};
    web.ports[0].node_port = 31000;
    put(web);
  });
}

TEST_F(UpdateProgram, AServiceGivesItsAddressToTheNodePortOfAnother) {
  Service one = sharing("one", 21);
  one.external_ips = {"192.168.0.2"};
  one.ports[0].port = 30022;
  one.ports[0].node_port = 31000;
  Service other = sharing("other", 22);
  other.ports[0].node_port = 30022;
  put(one);
  put(other);
  put_endpoint("one", "10.180.1.7");
  update({from_outside("192.168.0.2:30022"), from_pod("192.168.0.2:30022")}, [&] {
    one.external_ips = {};
    put(one);
    put_endpoint("other", "10.180.1.8");
  });
}

TEST_F(UpdateProgram, ServicesAndTheNodeChangeAtOnce) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  const std::vector<Probe> probes = {from_outside("198.51.100.7:80"),
                                     from_outside("192.168.0.2:30080")};
  // One packet's fate tells which state another one meets.
  program();
  const auto before = outcomes(probes);
  Service web = web_service(Family::kIpv4, kTcp);
  web.external_ips = {};
  put(web);
  put_endpoints({"10.180.1.8"});
  world_.interfaces[1].addresses.clear();
  std::set<std::vector<std::string>> met;
  datapath_->observe_writes([&] { met.insert(outcomes(probes)); });
  program();
  datapath_->observe_writes({});
  const auto after = outcomes(probes);
  met.insert(before);
  met.insert(after);
  EXPECT_EQ(met.size(), 2U) << "whatever an update changes, changes at once";
}

TEST_F(UpdateProgram, PortsChange) {
  Service web = web_service(Family::kIpv4, kTcp);
  put(web);
  put_endpoints({"10.180.1.7"});
  auto probes = to_web();
  probes.push_back(from_pod("10.96.0.10:81"));
  probes.push_back(from_outside("192.168.0.2:30081"));
  update(probes, [&] {
    web.ports[0].port = 81;
    web.ports[0].node_port = 30081;
    put(web);
  });
  update(probes, [&] {
    EndpointSlice slice = web_endpoints(Family::kIpv4, kTcp, {"10.180.1.7"}, 9090);
    cluster_.endpoint_slices[slice.key] = slice;
  });
}

TEST_F(UpdateProgram, TheFirstOfTwoAtOneAddressIsDeleted) {
  const Service a = for_sources("a", 21, "192.0.2.0/24");
  put(a);
  put(with_external_ip("b", 22));
  put_endpoint("a", "10.180.1.7");
  put_endpoint("b", "10.180.1.8");
  update(to_shared(), [&] { cluster_.services.erase(a.key); });
  update(to_shared(), [&] { put(a); });
}

TEST_F(UpdateProgram, TheFirstOfTwoAtOneAddressComesAndGoesUnderPolicyLocal) {
  const Service a = with_external_ip("a", 21, TrafficPolicy::kLocal);
  put(with_external_ip("b", 22));
  put_endpoint("a", "10.180.0.9");
  put_endpoint("b", "10.180.1.8");
  update(to_shared(), [&] { put(a); });
  update(to_shared(), [&] { put_endpoint("a", "10.180.0.10"); });
  update(to_shared(), [&] { put_endpoint("a", "10.180.1.7"); });
  update(to_shared(), [&] { put_endpoint("a", "10.180.0.9"); });
  update(to_shared(), [&] { cluster_.services.erase(a.key); });
}

TEST_F(UpdateProgram, TheFirstOfTwoAtOneAddressLeadsNowhereAndGoes) {
  const Service a = with_external_ip("a", 21, TrafficPolicy::kLocal);
  put(a);
  put(with_external_ip("b", 22));
  put_endpoint("a", "10.180.1.7");
  put_endpoint("b", "10.180.1.8");
  EXPECT_GE(unseen_update(to_shared(), [&] { cluster_.services.erase(a.key); }), 1U);
  EXPECT_GE(unseen_update(to_shared(), [&] { put(a); }), 1U);
}

TEST_F(UpdateProgram, TheFirstOfTwoAtOneAddressOpensToAllSources) {
  Service a = for_sources("a", 21, "192.0.2.0/24");
  put(a);
  put(with_external_ip("b", 22));
  put_endpoint("a", "10.180.1.7");
  put_endpoint("b", "10.180.1.8");
  update(to_shared(), [&] {
    a.load_balancer_source_ranges = {};
    put(a);
  });
  update(to_shared(), [&] {
    a.load_balancer_source_ranges = {"192.0.2.0/24"};
    put(a);
  });
}

TEST_F(UpdateProgram, ThreeAtOneAddressMoveUp) {
  const Service a = for_sources("a", 21, "192.0.2.0/24");
  put(a);
  put(for_sources("b", 22, "198.18.0.0/16"));
  put(with_external_ip("c", 23));
  put_endpoint("a", "10.180.1.7");
  put_endpoint("b", "10.180.1.8");
  put_endpoint("c", "10.180.1.9");
  update(to_shared(), [&] { cluster_.services.erase(a.key); });
  update(to_shared(), [&] { put(a); });
  update(to_shared(), [&] {
    put_endpoint("b", "10.180.1.18");
    put_endpoint("c", "10.180.1.19");
  });
}

TEST_F(UpdateProgram, PoliciesChange) {
  Service web = web_service(Family::kIpv4, kTcp);
  put(web);
  put_endpoints({"10.180.1.7"});
  update(to_web(), [&] {
    web.external_traffic_policy = TrafficPolicy::kLocal;
    put(web);
  });
  update(to_web(), [&] {
    web.internal_traffic_policy = TrafficPolicy::kLocal;
    web.external_traffic_policy = TrafficPolicy::kCluster;
    put(web);
  });
}

TEST_F(UpdateProgram, AnEndpointThatMovesToAnotherSliceIsNeverMissed) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  program();
  const auto before = outcomes(to_web());
  datapath_->observe_writes([] { ADD_FAILURE() << "a write"; });
  put_endpoints({"10.180.1.7"}, "web-def");
  program();
  cluster_.endpoint_slices.erase({"default", "web-abc"});
  program();
  EXPECT_EQ(outcomes(to_web()), before);
}

TEST_F(UpdateProgram, TheDetectorOfLocalTrafficChanges) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  const std::vector<Probe> probes = {
      from_pod("10.96.0.10:80"),
      from_outside("10.96.0.10:80"),
      {kEth0, PacketBuilder::tcp("10.128.0.1:4000", "10.96.0.10:80").syn()},
      {kEth0, PacketBuilder::tcp("192.0.2.1:4000", "10.96.0.10:80").syn()}};
  // Neither 192.0.0.0/24 nor 10.180.0.0/8 ever holds.
  update(probes, [&] { proxy_.cluster_cidrs = {"192.0.0.0/8"}; });
  update(probes, [&] { proxy_.cluster_cidrs = {"10.180.0.0/24"}; });
  update(probes, [&] {
    proxy_.detect_local_mode = DetectLocalMode::kInterfaceNamePrefix;
    proxy_.interface_name_prefix = "eth";
  });
  update(probes, [&] { proxy_.masquerade_all = true; });
}

TEST_F(UpdateProgram, TheMasqueradeBitChanges) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  auto probes = to_web();
  Probe marked = from_pod("10.96.0.10:80");
  marked.mark = 1 << 14;
  probes.push_back(marked);
  update(probes, [&] { proxy_.masquerade_bit = 13; });
}

TEST_F(UpdateProgram, AddressesForNodePortsChange) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  world_.interfaces[1].addresses.push_back(world_.interfaces[1].addresses[0]);
  world_.interfaces[1].addresses.back().address = *IpAddress::parse("192.168.0.3");
  const std::vector<Probe> probes = {from_outside("192.168.0.2:30080"),
                                     from_outside("192.168.0.3:30080"),
                                     from_pod("192.168.0.3:30080"), from_pod("127.0.0.1:30080")};
  update(probes, [&] { proxy_.node_port_addresses = {"192.168.0.2/32"}; });
  update(probes, [&] { proxy_.node_port_addresses = {"192.168.0.3/32", "127.0.0.0/8"}; });
  update(probes, [&] { proxy_.node_port_addresses = {}; });
}

TEST_F(UpdateProgram, TheNodeGetsAnotherAddress) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  const std::vector<Probe> probes = {from_outside("192.168.0.2:30080"),
                                     from_outside("192.168.0.3:30080"),
                                     from_outside("10.96.0.10:80", "192.168.0.3:4000")};
  update(probes,
         [&] { world_.interfaces[1].addresses[0].address = *IpAddress::parse("192.168.0.3"); });
}

TEST_F(UpdateProgram, WhatCannotBeWrittenLeavesTheNodeAsItWas) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  program();
  const auto before = outcomes(to_web());
  const Cluster good = cluster_;
  std::vector<std::string> too_many;
  for (int i = 0; i < 1001; ++i) too_many.push_back(fmt::format("10.181.{}.{}", i / 250, i % 250));
  put_endpoints(too_many);
  proxy_.masquerade_all = true;
  proxy_.cluster_cidrs = {"192.0.0.0/8"};
  const auto refused = datapath_->program(world_, cluster_, proxy_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "BPF map 'backends' holds 1000 entries, and this cluster needs 1001");
  EXPECT_EQ(outcomes(to_web()), before);
  cluster_ = good;
  program();
  EXPECT_NE(outcomes(to_web()), before) << "the node's settings follow with the next success";
}

TEST_F(UpdateProgram, WhatCannotBeTakenBackIsSaidAndNeverShown) {
  put(web_service(Family::kIpv4, kTcp));
  put_endpoints({"10.180.1.7"});
  program();
  const auto before = outcomes(to_web());
  put_endpoints({"10.180.1.8"});
  const FileDescriptor frontends(map("frontends"));
  // The kernel lets nobody write to a map any more, while its entries are being changed.
  size_t writes = 0;
  datapath_->observe_writes([&] {
    constexpr size_t kBackendAndFrontend = 2;
    if (++writes == kBackendAndFrontend) {
      ASSERT_EQ(bpf_map_freeze(frontends.get()), 0);
    }
  });
  const auto refused = datapath_->program(world_, cluster_, proxy_);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message,
            "cannot write to BPF map 'frontends': Operation not permitted; what has been written "
            "cannot be taken back (cannot write to BPF map 'frontends': Operation not permitted): "
            "packets go on by what there was, and no update can be made before");
  EXPECT_EQ(outcomes(to_web()), before);
  const auto again = datapath_->program(world_, {}, proxy_);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().message.find("what has been written cannot be taken back"), 0U)
      << again.error().message;
  EXPECT_EQ(outcomes(to_web()), before);
  datapath_.reset();
}

// That of the present state may be on its way to a packet, and the kernel reuses what is replaced.
TEST_F(UpdateProgram, WhatIsSaidOfAnInterfaceDoesNotReplaceWhatPacketsGoBy) {
  program();
  const FileDescriptor interfaces(map("interfaces"));
  const auto with_xdp = [&] {
    int count = 0;
    for (uint32_t generation = 0; generation < GENERATIONS; ++generation) {
      const abi::interface_key key{.ifindex = kEth0, .generation = generation};
      abi::interface_settings settings{};
      if (bpf_map_lookup_elem(interfaces.get(), &key, &settings) != 0) continue;
      count += (settings.flags & abi::INTERFACE_XDP) != 0 ? 1 : 0;
    }
    return count;
  };
  ASSERT_TRUE(datapath_->allow_xdp(kEth0, true));
  ASSERT_EQ(with_xdp(), 1);
  ASSERT_TRUE(datapath_->allow_xdp(kEth0, false));
  EXPECT_EQ(with_xdp(), 1) << "what packets went by";
}

}  // namespace
}  // namespace kubeproof::control
