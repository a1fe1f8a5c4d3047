// An update writes many entries, and packets pass between any two of the writes. Each of them must
// meet what there was before or what there is to be, and nothing else: here packets are sent after
// every single write.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>

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
  size_t update(const std::vector<Probe>& probes, const std::function<void()>& change) {
    program();
    const auto before = outcomes(probes);
    change();
    std::vector<std::vector<std::string>> between;
    datapath_->observe_writes([&] { between.push_back(outcomes(probes)); });
    program();
    datapath_->observe_writes({});
    const auto after = outcomes(probes);
    EXPECT_NE(before, after) << "the change cannot be seen";
    for (const auto& seen : between) {
      for (size_t i = 0; i < probes.size(); ++i) {
        EXPECT_TRUE(seen[i] == before[i] || seen[i] == after[i])
            << "packet " << i << ": " << seen[i] << "\n  before: " << before[i]
            << "\n  after: " << after[i];
      }
    }
    return between.size();
  }

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

}  // namespace
}  // namespace kubeproof::control
