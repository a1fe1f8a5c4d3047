// The real programs at the hooks of a simulated node. What they decide is the datapath's own
// affair; here it matters that they run, are followed, and are explained.
#include "replay/engine/ebpf_engine.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>

#include "model/packet/packet_builder.h"
#include "tests/unit/datapath/control_fixture.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {
namespace {

using Lines = std::vector<std::string>;

// default/web: 10.96.0.10:80, one endpoint 10.180.0.9:8080 on the node.
Configuration one_service() {
  Configuration configuration;
  configuration.world = small_world();
  configuration.proxy.cluster_cidrs = {"10.180.0.0/16"};
  const Service web = control::service("web", "10.96.0.10");
  configuration.cluster.services[web.key] = web;
  const EndpointSlice slice =
      control::slice("web", 8080, {control::endpoint("10.180.0.9", "node-a")});
  configuration.cluster.endpoint_slices[slice.key] = slice;
  return configuration;
}

class EbpfEngineTest : public testing::Test {
 protected:
  void SetUp() override {
    static EbpfEngines engines({.seed = 1});
    auto made = engines.make();
    if (!made) GTEST_SKIP() << made.error().message;
    engine_ = std::move(*made);
    const auto programmed = engine_->program(one_service());
    if (!programmed && programmed.error().kind == ErrorKind::kEnvironment) {
      GTEST_SKIP() << programmed.error().message;
    }
    ASSERT_TRUE(programmed) << programmed.error().message;
  }

  const Fate& inject(uint32_t ingress, ByteView packet) {
    Injection injection;
    injection.ingress.interface = ingress;
    injection.packet = packet;
    const auto done = engine_->inject(injection, fate_);
    EXPECT_TRUE(done) << done.error().message;
    return fate_;
  }

  // "10 203.0.113.7:4000 > 10.180.0.9:8080", one for each emission.
  Lines emissions() const {
    Lines lines;
    for (const Emission& one : fate_) {
      const PacketView view = parse_packet(one.packet).value();
      lines.push_back(fmt::format("{} {} > {}", one.place.interface,
                                  view.source_endpoint().to_string(),
                                  view.destination_endpoint().to_string()));
    }
    return lines;
  }

  bool trace_says(std::string_view text) const {
    return std::any_of(fate_.trace.begin(), fate_.trace.end(), [&](const std::string& line) {
      return line.find(text) != std::string::npos;
    });
  }

  std::unique_ptr<Engine> engine_;
  Fate fate_;
};

Bytes syn(std::string_view from, std::string_view to) {
  return PacketBuilder::tcp(from, to).syn().build();
}

TEST_F(EbpfEngineTest, TranslatesToTheEndpointAndBack) {
  inject(kPod2, syn("10.180.0.10:4000", "10.96.0.10:80"));
  EXPECT_EQ(emissions(), Lines{"10 10.180.0.10:4000 > 10.180.0.9:8080"});
  inject(kPod1, PacketBuilder::tcp("10.180.0.9:8080", "10.180.0.10:4000").syn().ack(2).build());
  EXPECT_EQ(emissions(), Lines{"11 10.96.0.10:80 > 10.180.0.10:4000"});
}

TEST_F(EbpfEngineTest, LetsPassWhatConcernsNoService) {
  inject(kUplink, syn("203.0.113.7:4000", "10.180.0.9:22"));
  EXPECT_EQ(emissions(), Lines{"10 203.0.113.7:4000 > 10.180.0.9:22"});
}

TEST_F(EbpfEngineTest, FollowsTheHostsPacketsWhereTheProgramsRedirectThem) {
  inject(0, syn("192.168.0.2:4000", "10.96.0.10:80"));
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_EQ(fate_[0].place, Place{kPod1});
}

TEST_F(EbpfEngineTest, ExplainsEveryRunOfAProgram) {
  engine_->explain(true);
  inject(kPod2, syn("10.180.0.10:4000", "10.96.0.10:80"));
  EXPECT_TRUE(trace_says("tc ingress pod2: new flow of default/web"));
  EXPECT_TRUE(trace_says("10.180.0.10:4000 > 10.96.0.10:80 becomes"));
  EXPECT_TRUE(trace_says("endpoint 10.180.0.9:8080"));
  EXPECT_TRUE(trace_says("tc egress pod1"));
  engine_->explain(false);
  EXPECT_TRUE(inject(kPod2, syn("10.180.0.10:4001", "10.96.0.10:80")).trace.empty());
}

TEST_F(EbpfEngineTest, MeetsTheNextConfigurationAtOnce) {
  Configuration next = one_service();
  next.cluster.endpoint_slices.begin()->second.endpoints[0].addresses = {"10.180.0.10"};
  ASSERT_TRUE(engine_->program(next));
  inject(kUplink, syn("203.0.113.7:4000", "10.96.0.10:80"));
  ASSERT_EQ(fate_.size(), 1U);
  EXPECT_EQ(fate_[0].place, Place{kPod2});
}

TEST_F(EbpfEngineTest, ForgetsFlowsWhenVirtualTimeSaysSo) {
  engine_->explain(true);
  const Bytes opening = syn("10.180.0.10:4000", "10.96.0.10:80");
  inject(kPod2, opening);
  ASSERT_TRUE(engine_->advance(std::chrono::seconds(60)));
  inject(kPod2, opening);
  EXPECT_TRUE(trace_says("known flow"));
  ASSERT_TRUE(engine_->advance(std::chrono::seconds(121)));
  inject(kPod2, opening);
  EXPECT_TRUE(trace_says("new flow"));
}

TEST_F(EbpfEngineTest, TwoEnginesKeepToTheirOwnNodes) {
  auto other = make_ebpf_engine().value();
  Configuration elsewhere = one_service();
  for (Interface& one : elsewhere.world.interfaces) {
    if (one.kind == InterfaceKind::kPod) one.index += 20;
  }
  for (Route& one : elsewhere.world.routes) {
    if (one.interface >= kPod1) one.interface += 20;
  }
  ASSERT_TRUE(other->program(elsewhere));
  for (int i = 0; i < 3; ++i) {
    inject(kUplink, syn("203.0.113.7:4000", "10.180.0.9:22"));
    EXPECT_EQ(fate_[0].place, Place{kPod1});
    const Bytes packet = syn("203.0.113.7:4000", "10.180.0.9:22");
    Injection injection;
    injection.ingress.interface = kUplink;
    injection.packet = packet;
    Fate fate;
    ASSERT_TRUE(other->inject(injection, fate));
    EXPECT_EQ(fate[0].place, Place{kPod1 + 20});
  }
}

TEST_F(EbpfEngineTest, ForgetsWhatTheFormerEngineOnItsProgramsMet) {
  EbpfEngines engines({.seed = 1});
  const Bytes opening = syn("10.180.0.10:4000", "10.96.0.10:80");
  for (int i = 0; i < 3; ++i) {
    engine_.reset();  // the programs are free for the next
    engine_ = engines.make().value();
    engine_->explain(true);
    ASSERT_TRUE(engine_->program(one_service()));
    inject(kPod2, opening);
    EXPECT_TRUE(trace_says("new flow"));
    inject(kPod2, opening);
    EXPECT_TRUE(trace_says("known flow"));
    ASSERT_TRUE(engine_->advance(std::chrono::seconds(10)));
  }
}

TEST_F(EbpfEngineTest, LeavesTheThreadWhereItWas) {
  const auto here = [] {
    struct stat status {};
    stat("/proc/thread-self/ns/net", &status);
    return status.st_ino;
  };
  const auto before = here();
  inject(kUplink, syn("203.0.113.7:4000", "10.96.0.10:80"));
  EXPECT_NE(here(), before);
  engine_.reset();
  EXPECT_EQ(here(), before);
}

TEST_F(EbpfEngineTest, StaysOnOneCpuFromPacketToPacket) {
  const auto cpus = [] {
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof(set), &set);
    return CPU_COUNT(&set);
  };
  const int before = cpus();
  inject(kUplink, syn("203.0.113.7:4000", "10.96.0.10:80"));
  EXPECT_EQ(cpus(), 1);
  engine_.reset();
  EXPECT_EQ(cpus(), before);
}

TEST(EbpfEngineErrors, SaysWhichObjectFileIsMissing) {
  const auto engine = make_ebpf_engine({.object_file = "/nowhere/broken.bpf.o"});
  ASSERT_FALSE(engine);
  EXPECT_NE(engine.error().message.find("/nowhere/broken.bpf.o"), std::string::npos);
}

}  // namespace
}  // namespace kubeproof
