// The table of flows when entries get lost, and when it is full.
#include <bpf/bpf.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "datapath/bpf/flow_abi.h"
#include "datapath/control/abi_address.h"
#include "replay/engine/file_descriptor.h"
#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {
namespace {

using Entries = std::vector<std::pair<abi::tuple, abi::flow>>;

Entries entries_of(int flows) {
  Entries entries;
  abi::tuple tuple{};
  const abi::tuple* at = nullptr;
  for (; bpf_map_get_next_key(flows, at, &tuple) == 0; at = &tuple) {
    abi::flow flow{};
    if (bpf_map_lookup_elem(flows, &tuple, &flow) == 0) entries.emplace_back(tuple, flow);
  }
  return entries;
}

struct Talk {
  std::string name;
  Family family;
  Protocol protocol;
  bool masqueraded;  // from outside to a node port, else from a pod to the cluster IP
};

class FlowTableProgram : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    flows_ = FileDescriptor(map("flows"));
    ASSERT_TRUE(flows_);
  }

  static std::vector<Talk> talks() {
    std::vector<Talk> all;
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      for (const Protocol protocol : {Protocol{kTcp}, Protocol{kUdp}, Protocol{kSctp}}) {
        for (const bool masqueraded : {false, true}) {
          all.push_back({fmt::format("{} protocol {}{}", to_string(family), protocol,
                                     masqueraded ? " masqueraded" : ""),
                         family, protocol, masqueraded});
        }
      }
    }
    return all;
  }

  void begin(const Talk& talk) {
    talk_ = talk;
    const bool v4 = talk.family == Family::kIpv4;
    client_ = talk.masqueraded ? (v4 ? "203.0.113.7:4000" : "[2001:db8:c::7]:4000")
                               : (v4 ? "10.180.0.9:4000" : "[fd00:180::9]:4000");
    frontend_ = talk.masqueraded ? (v4 ? "192.168.0.2:30080" : "[2001:db8::2]:30080")
                                 : (v4 ? "10.96.0.10:80" : "[fd00:96::10]:80");
    serve(talk.family, talk.protocol,
          v4 ? std::vector<std::string>{"10.180.1.7", "10.180.1.8", "10.180.1.9"}
             : std::vector<std::string>{"fd00:180:1::7", "fd00:180:1::8", "fd00:180:1::9"});
    datapath_->forget_packets();
  }

  PacketBuilder packet(const std::string& from, const std::string& to) const {
    if (talk_.protocol == kTcp) return PacketBuilder::tcp(from, to);
    if (talk_.protocol == kUdp) return PacketBuilder::udp(from, to).payload("x");
    return PacketBuilder::sctp(from, to);
  }
  // One chunk of 20 bytes; `word` follows its header.
  static Bytes chunk(uint8_t type, uint8_t word) {
    Bytes bytes = {type, 0, 0, 20, word, word, word, word};
    bytes.resize(20);
    return bytes;
  }

  // Through ingress and egress; "SOURCE > DESTINATION" as it leaves.
  std::string client_sends(PacketBuilder packet) {
    const uint32_t from = talk_.masqueraded ? kEth0 : kPod1;
    const Ran in = ingress(from, packet);
    if (in.verdict != 0) return fmt::format("dropped for reason {}", in.record.reason);
    const Ran out = egress_forwarded(kEth0, from, in);
    seen_as_ = out.view().source_endpoint().to_string();
    server_ = out.view().destination_endpoint().to_string();
    return out.flow();
  }
  std::string server_sends(PacketBuilder packet) {
    const Ran in = ingress(kEth0, packet);
    if (in.verdict != 0) return fmt::format("dropped for reason {}", in.record.reason);
    return egress_forwarded(talk_.masqueraded ? kEth0 : kPod1, kEth0, in).flow();
  }
  PacketBuilder from_client() const { return packet(client_, frontend_); }
  PacketBuilder from_server() const { return packet(server_, seen_as_); }

  void establish() {
    if (talk_.protocol == kTcp) {
      client_sends(from_client().syn().seq(100));
      server_sends(from_server().syn().seq(200).ack(101));
      client_sends(from_client().seq(101).ack(201));
    } else if (talk_.protocol == kSctp) {
      client_sends(from_client().payload(ByteView(chunk(1, 0x11))).seq(0));
      server_sends(from_server().payload(ByteView(chunk(2, 0x22))).seq(0x11111111));
      client_sends(from_client().payload(ByteView(chunk(10, 0))).seq(0x22222222));
      server_sends(from_server().payload(ByteView(chunk(11, 0))).seq(0x11111111));
    } else {
      client_sends(from_client());
    }
  }
  std::string client_goes_on() {
    if (talk_.protocol == kTcp) return client_sends(from_client().seq(101).ack(201));
    if (talk_.protocol == kUdp) return client_sends(from_client());
    return client_sends(from_client().payload(ByteView(chunk(0, 0))).seq(0x22222222));
  }
  std::string server_goes_on() {
    if (talk_.protocol == kTcp) return server_sends(from_server().seq(201).ack(101));
    if (talk_.protocol == kUdp) return server_sends(from_server());
    return server_sends(from_server().payload(ByteView(chunk(0, 0))).seq(0x11111111));
  }

  Entries entries() const { return entries_of(flows_.get()); }
  size_t lose(abi::flow_role role) const {
    size_t lost = 0;
    for (const auto& [tuple, flow] : entries()) {
      if (flow.role == role && bpf_map_delete_elem(flows_.get(), &tuple) == 0) ++lost;
    }
    return lost;
  }

  void expect_to_outlive_the_loss_of(abi::flow_role role) {
    for (const Talk& talk : talks()) {
      const bool inside = role == abi::FLOW_INSIDE_ORIGINAL || role == abi::FLOW_INSIDE_REPLY;
      if (inside && !talk.masqueraded) continue;
      for (const bool server_first : {false, true}) {
        SCOPED_TRACE(talk.name + (server_first ? ", the server goes on" : ", the client goes on"));
        begin(talk);
        establish();
        const std::string toward_server = client_goes_on();
        const std::string toward_client = server_goes_on();
        EXPECT_EQ(toward_client, frontend_ + " > " + client_);
        const size_t whole = entries().size();
        ASSERT_EQ(lose(role), 1U);
        for (int time = 0; time < 2; ++time) {
          if (server_first) {
            EXPECT_EQ(server_goes_on(), toward_client);
          }
          EXPECT_EQ(client_goes_on(), toward_server);
          if (!server_first) {
            EXPECT_EQ(server_goes_on(), toward_client);
          }
          advance(std::chrono::seconds(5));
          datapath_->collect_garbage();
        }
        EXPECT_EQ(entries().size(), whole) << "what was lost is there again, and nothing else";
      }
    }
  }

  FileDescriptor flows_;
  Talk talk_{};
  std::string client_;
  std::string frontend_;
  std::string server_;
  std::string seen_as_;
};

TEST_F(FlowTableProgram, AFlowOutlivesTheLossOfItsOriginalEntry) {
  expect_to_outlive_the_loss_of(abi::FLOW_ORIGINAL);
}

TEST_F(FlowTableProgram, AFlowOutlivesTheLossOfItsReplyEntry) {
  expect_to_outlive_the_loss_of(abi::FLOW_REPLY);
}

TEST_F(FlowTableProgram, AFlowOutlivesTheLossOfEntriesBetweenTheHooks) {
  expect_to_outlive_the_loss_of(abi::FLOW_INSIDE_ORIGINAL);
  expect_to_outlive_the_loss_of(abi::FLOW_INSIDE_REPLY);
}

TEST_F(FlowTableProgram, AHandshakeOutlivesTheLossOfEitherEntry) {
  for (const abi::flow_role role : {abi::FLOW_ORIGINAL, abi::FLOW_REPLY}) {
    begin({.name = "", .family = Family::kIpv4, .protocol = kTcp, .masqueraded = false});
    const std::string toward_server = client_sends(from_client().syn().seq(100));
    ASSERT_EQ(lose(role), 1U);
    EXPECT_EQ(server_sends(from_server().syn().seq(200).ack(101)), frontend_ + " > " + client_);
    EXPECT_EQ(client_sends(from_client().seq(101).ack(201)), toward_server);
  }
}

TEST_F(FlowTableProgram, NobodyElseGetsTheTupleOfALostEntry) {
  begin({.name = "", .family = Family::kIpv4, .protocol = kTcp, .masqueraded = false});
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  establish();
  const std::string server = server_;
  ASSERT_EQ(lose(abi::FLOW_REPLY), 1U);
  // The same client's port through another frontend to the same endpoint.
  const Ran other = ingress(kPod1, PacketBuilder::tcp(client_, "198.51.100.7:80").syn());
  EXPECT_TRUE(other.record.flags & abi::TRACE_MASQUERADE);
  const Ran direct = ingress(kPod1, PacketBuilder::tcp(client_, server).syn());
  EXPECT_NE(direct.view().source_endpoint().to_string(), client_) << "its port is taken";
  EXPECT_EQ(server_goes_on(), frontend_ + " > " + client_);
}

// The kernel gives the memory of a partner that is removed to another, while programs read it.
TEST_F(FlowTableProgram, AFlowIsRestoredOnlyWhereItBelongs) {
  const FileDescriptor partners(map("partners"));
  begin({.name = "", .family = Family::kIpv4, .protocol = kUdp, .masqueraded = false});
  establish();
  const auto [tuple, flow] = entries().front();
  abi::partner partner{};
  ASSERT_EQ(bpf_map_lookup_elem(partners.get(), &tuple, &partner), 0);
  abi::tuple another = tuple;
  another.source_port ^= htons(1);
  ASSERT_EQ(bpf_map_update_elem(partners.get(), &another, &partner, BPF_ANY), 0);
  const SocketAddress from = {from_abi(another.source, another.family), ntohs(another.source_port)};
  const SocketAddress to = {from_abi(another.destination, another.family),
                            ntohs(another.destination_port)};
  ingress(flow.role == abi::FLOW_ORIGINAL ? kPod1 : kEth0,
          PacketBuilder::udp(from.to_string(), to.to_string()));
  size_t its = 0;
  for (const auto& entry : entries()) its += entry.second.id == flow.id ? 1 : 0;
  EXPECT_EQ(its, 2U);
}

TEST_F(FlowTableProgram, WhatIsRemovedLeavesNoPartners) {
  const FileDescriptor partners(map("partners"));
  begin({.name = "", .family = Family::kIpv4, .protocol = kUdp, .masqueraded = true});
  establish();
  abi::tuple tuple{};
  EXPECT_EQ(bpf_map_get_next_key(partners.get(), nullptr, &tuple), 0);
  advance(std::chrono::seconds(31));
  EXPECT_EQ(datapath_->collect_garbage(), 4U);
  EXPECT_NE(bpf_map_get_next_key(partners.get(), nullptr, &tuple), 0) << "by control";
  establish();
  advance(std::chrono::seconds(31));
  serve(Family::kIpv4, kUdp, {});
  client_goes_on();
  size_t left = 0;
  const abi::tuple* at = nullptr;
  for (; bpf_map_get_next_key(partners.get(), at, &tuple) == 0; at = &tuple) ++left;
  EXPECT_EQ(left, entries().size()) << "by the programs";
}

class FullTableProgram : public FlowTableProgram {
 protected:
  FullTableProgram() { sizes_.flows = 64; }

  PacketBuilder client_at(int port) const {
    return PacketBuilder::tcp(fmt::format("10.180.0.9:{}", port), "10.96.0.10:80");
  }
  void connect(int port) {
    ingress(kPod1, client_at(port).syn().seq(100));
    const auto server = PacketBuilder::tcp("10.180.1.7:8080", fmt::format("10.180.0.9:{}", port));
    ingress(kEth0, PacketBuilder(server).syn().seq(200).ack(101));
    ingress(kPod1, client_at(port).seq(101).ack(201));
  }
  bool is_connected(int port) {
    return ingress(kPod1, client_at(port).seq(101).ack(201)).record.reason == abi::REASON_ORIGINAL;
  }
  // Every flow has all its entries.
  void expect_whole_flows() const {
    std::map<uint64_t, int> by_flow;
    for (const auto& [tuple, flow] : entries()) ++by_flow[flow.id];
    for (const auto& [id, count] : by_flow) EXPECT_EQ(count, 2);
  }
};

TEST_F(FullTableProgram, FlowsThatNobodyAnsweredMakeRoom) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  for (int port = 5000; port < 5004; ++port) connect(port);
  int refused = 0;
  for (int port = 6000; port < 6500; ++port) {
    const auto reason = ingress(kPod1, client_at(port).syn()).record.reason;
    if (reason != abi::REASON_NEW_FLOW) ++refused;
  }
  EXPECT_LT(refused, 50) << "a few find no such flow in eight tries";
  for (int port = 5000; port < 5004; ++port) EXPECT_TRUE(is_connected(port)) << port;
  expect_whole_flows();
}

TEST_F(FullTableProgram, ConnectionsDoNotMakeRoom) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  for (int port = 5000; port < 5032; ++port) connect(port);
  for (int port = 6000; port < 6010; ++port) {
    EXPECT_EQ(ingress(kPod1, client_at(port).syn()).record.reason, abi::DROP_TABLE_FULL);
  }
  for (int port = 5000; port < 5032; ++port) EXPECT_TRUE(is_connected(port)) << port;
  expect_whole_flows();
}

TEST_F(FullTableProgram, ConnectionsThatCloseMakeRoom) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  for (int port = 5000; port < 5032; ++port) {
    connect(port);
    ingress(kPod1, client_at(port).seq(101).ack(201).fin());
  }
  int accepted = 0;
  for (int port = 6000; port < 6010; ++port) {
    const auto reason = ingress(kPod1, client_at(port).syn()).record.reason;
    accepted += reason == abi::REASON_NEW_FLOW ? 1 : 0;
  }
  EXPECT_GT(accepted, 0);
  expect_whole_flows();
}

TEST_F(FullTableProgram, WhatIsOfNoServicePassesAFullTable) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  for (int port = 5000; port < 5032; ++port) connect(port);
  EXPECT_EQ(
      ingress(kPod1, PacketBuilder::tcp("10.180.0.9:7000", "198.18.0.1:80").syn()).record.reason,
      abi::PASS_TABLE_FULL);
}

}  // namespace
}  // namespace kubeproof::control
