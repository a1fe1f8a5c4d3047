// Two processors at the same moment: with the two directions of one connection, or one with packets
// and the other with an update of the services that they are for.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sched.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

#include "datapath/bpf/flow_abi.h"
#include "replay/engine/file_descriptor.h"
#include "tests/unit/datapath/xdp_fixture.h"

namespace kubeproof::control {
namespace {

constexpr const char* kClient = "203.0.113.7:4000";
constexpr const char* kNodePort = "192.168.0.2:30080";
constexpr const char* kServer = "10.180.1.7:8080";
constexpr uint32_t kSegments = 50'000;
constexpr uint32_t kSegmentSize = 10;
constexpr uint32_t kInFlight = 1000;  // well within the window

std::vector<int> processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> result;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return result;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) result.push_back(cpu);
  }
  return result;
}

// Test runs of one program share what is there once for each processor.
void stay_on(int processor) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  ASSERT_EQ(sched_setaffinity(0, sizeof set, &set), 0);
}

class ParallelProgram : public XdpProgramTest {
 protected:
  using Send = std::function<void(const PacketBuilder&)>;

  void SetUp() override {
    XdpProgramTest::SetUp();
    if (!IsSkipped() && processors().size() < 2) GTEST_SKIP() << "this takes two processors";
  }

  static PacketBuilder from_client(uint32_t sequence) {
    return PacketBuilder::tcp(kClient, kNodePort).seq(sequence).ack(201);
  }
  PacketBuilder from_server(uint32_t acknowledgment) const {
    return PacketBuilder::tcp(kServer, own_).seq(201).ack(acknowledgment);
  }

  void establish() {
    serve(Family::kIpv4, kTcp, {"10.180.1.7"});
    const Ran syn = xdp(PacketBuilder::tcp(kClient, kNodePort).syn().seq(100));
    own_ = syn.view().source_endpoint().to_string();
    xdp(PacketBuilder::tcp(kServer, own_).syn().seq(200).ack(101));
    xdp(from_client(101));
  }

  // The client sends; the server acknowledges what it has seen, and so never what was not sent.
  // `sender` makes what a thread sends with. How many packets were not taken for the connection's?
  size_t stream(const std::function<Send()>& sender) {
    std::atomic<uint32_t> sent = 0, acknowledged = 0;
    std::thread client([&] {
      stay_on(processors()[0]);
      const Send send = sender();
      for (uint32_t i = 0; i < kSegments; ++i) {
        while (i > acknowledged + kInFlight) std::this_thread::yield();
        send(from_client(101 + i * kSegmentSize).payload_size(kSegmentSize));
        sent = i + 1;
      }
    });
    size_t strange = 0;
    std::thread server([&] {
      stay_on(processors()[1]);
      const Send send = sender();
      while (acknowledged < kSegments) {
        const uint32_t seen = sent;
        send(from_server(101 + seen * kSegmentSize));
        acknowledged = seen;
        strange += strange_records();
      }
    });
    client.join();
    server.join();
    strange += strange_records();
    EXPECT_GT(seen_, 0U);
    return strange;
  }

  Send send_to_tc() {
    auto program = std::make_shared<TestRun>(datapath_->ingress_program(), "ingress");
    return [this, program](const PacketBuilder& packet) {
      const Bytes bytes = packet.build();
      const auto run =
          space().run([&] { return program->run(bytes, {.interface = kEth0, .ingress = kEth0}); });
      EXPECT_TRUE(run) << run.error().message;
    };
  }
  // And to tc, what XDP leaves: a checksum that looks like one that is still to be computed.
  Send send_to_xdp() {
    auto program = std::make_shared<XdpTestRun>(datapath_->xdp_program(), "xdp");
    return [this, program, to_tc = send_to_tc()](const PacketBuilder& packet) {
      Bytes frame;
      put_frame(packet.build(), frame);
      const auto run = space().run([&] { return program->run_frame(frame, kEth0); });
      ASSERT_TRUE(run) << run.error().message;
      if (run->verdict == XDP_PASS) to_tc(packet);
    };
  }

 private:
  // Of no connection, or of a new one.
  size_t strange_records() {
    size_t count = 0;
    datapath_->drain_trace([&](const abi::trace_record& record) {
      switch (record.reason) {
        case abi::PASS_INVALID:
        case abi::LEFT_INVALID:
        case abi::DROP_INVALID:
        case abi::REASON_NEW_FLOW:
          ++count;
          break;
        default:
          ++seen_;
      }
    });
    return count;
  }

  std::string own_;  // what the server knows the client by
  size_t seen_ = 0;
};

TEST_F(ParallelProgram, TcKeepsAConnectionThatTwoProcessorsHandle) {
  establish();
  EXPECT_EQ(stream([&] { return send_to_tc(); }), 0U);
}

TEST_F(ParallelProgram, XdpKeepsAConnectionThatTwoProcessorsHandle) {
  establish();
  EXPECT_EQ(stream([&] { return send_to_xdp(); }), 0U);
}

// Packets pass between any two instructions of an update, and writes fall between any two of a
// program.
TEST_F(ParallelProgram, APacketIsTranslatedOrRefusedWhileEndpointsComeAndGo) {
  serve(Family::kIpv4, kTcp, {"10.180.1.7"});
  const Cluster with = cluster_;
  cluster_.endpoint_slices.clear();
  const Cluster without = cluster_;
  std::atomic<bool> over = false;
  std::thread updates([&] {
    stay_on(processors()[0]);
    for (uint32_t i = 0; !over; ++i) {
      const auto done = datapath_->program(world_, i % 2 == 0 ? without : with, proxy_);
      ASSERT_TRUE(done) << done.error().message;
    }
  });
  std::map<uint8_t, size_t> reasons;
  std::thread packets([&] {
    stay_on(processors()[1]);
    for (uint32_t i = 0; i < kSegments; ++i) {
      if (i % 10'000 == 0) datapath_->forget_packets();
      const auto port = static_cast<uint16_t>(1024 + i);
      const auto from = [&](const char* client, const char* to) {
        return PacketBuilder::tcp(fmt::format("{}:{}", client, port), to).syn();
      };
      const Ran ran = i % 3 == 0   ? ingress(kPod1, from("10.180.0.9", "10.96.0.10:80"))
                      : i % 3 == 1 ? ingress(kEth0, from("203.0.113.7", kNodePort))
                                   : egress_of_host(kEth0, from("192.168.0.2", "10.96.0.10:80"));
      ++reasons[ran.record.reason];
    }
    over = true;
  });
  packets.join();
  updates.join();
  EXPECT_GT(reasons[abi::REASON_NEW_FLOW], 0U);
  EXPECT_GT(reasons[abi::REASON_REJECTED], 0U);
  EXPECT_EQ(reasons.size(), 2U) << fmt::format("{}", reasons);
}

// The kernel gives the memory of an entry that is removed to the next one that is entered, while
// packets that found the former still look at it.
TEST_F(ParallelProgram, APacketIsNotLedWhereTheNextFlowInTheSameMemoryGoes) {
  serve(Family::kIpv4, kUdp, {"10.180.1.7"});
  const auto packet = PacketBuilder::udp("203.0.113.7:4000", kNodePort);
  ingress(kEth0, packet);
  const FileDescriptor table(map("flows"));
  const int flows = table.get();
  abi::tuple tuple{};
  abi::flow flow{};
  for (const void* at = nullptr; flow.role != abi::FLOW_ORIGINAL; at = &tuple) {
    ASSERT_EQ(bpf_map_get_next_key(flows, at, &tuple), 0);
    ASSERT_EQ(bpf_map_lookup_elem(flows, &tuple, &flow), 0);
  }
  abi::tuple others_tuple = tuple;
  others_tuple.source_port = htons(4001);
  abi::flow other = flow;
  ++other.id;
  other.backend.port = htons(9090);

  std::atomic<bool> over = false;
  std::thread changes([&] {
    stay_on(processors()[0]);
    while (!over) {
      bpf_map_delete_elem(flows, &tuple);
      bpf_map_update_elem(flows, &others_tuple, &other, BPF_ANY);
      bpf_map_delete_elem(flows, &others_tuple);
      bpf_map_update_elem(flows, &tuple, &flow, BPF_ANY);
    }
  });
  std::map<uint16_t, size_t> led;
  std::thread packets([&] {
    stay_on(processors()[1]);
    for (uint32_t i = 0; i < kSegments; ++i) {
      ++led[ingress(kEth0, packet).view().destination_endpoint().port];
    }
    over = true;
  });
  packets.join();
  changes.join();
  EXPECT_GT(led[8080], 0U);
  EXPECT_EQ(led[9090], 0U) << fmt::format("{}", led);
}

}  // namespace
}  // namespace kubeproof::control
