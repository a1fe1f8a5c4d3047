#include "replay/run/divergence_cases.h"

#include <gtest/gtest.h>

#include "replay/capture/capture_writer.h"
#include "replay/case/read_case.h"
#include "replay/run/run_case.h"
#include "replay/session/replay_captures.h"
#include "tests/temporary_folder.h"
#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

using std::chrono::seconds;

// What enters at the uplink leaves there again.
void pass_on(const Injection& injection, Fate& fate) {
  Bytes packet(injection.packet.begin(), injection.packet.end());
  auto view = parse_packet(packet);
  decrement_ttl(packet, *view);
  fate.add_emission(kUplink, packet);
}

class DivergenceCasesTest : public testing::Test {
 protected:
  DivergenceCasesTest() {
    cases_.folder = folder_.path();
    cases_.snapshot.node.name = "node-a";
    cases_.snapshot.node.addresses = {node_address()};
    complete_node(cases_.snapshot.node, cases_.snapshot.objects.cluster);
    cases_.world = make_world(cases_.snapshot.node, NodePods(cases_.snapshot.node),
                              cases_.snapshot.objects.cluster, cases_.snapshot.proxy)
                       .value();
    cases_.make_oracle = [] { return std::make_unique<FakeOracle>(pass_on); };
    cases_.make_engine = [this](const std::string& name) { return engine(name); };
    cases_.command = [](const std::string& engine, const std::string& file) {
      return engine + " on " + file;
    };
  }

  static InterfaceAddress node_address() {
    InterfaceAddress address;
    address.address = *IpAddress::parse("192.168.0.2");
    address.prefix_length = 24;
    return address;
  }

  Result<std::vector<EngineChoice>> engine(const std::string& name) const {
    std::vector<EngineChoice> choices;
    choices.push_back({name, true, std::make_unique<FakeEngine>(name, make_behaviour_())});
    return choices;
  }

  // Replays datagrams of these sources and writes cases; the report.
  Report replay(const std::vector<std::string>& sources) {
    const std::string file = folder_.file("in.pcap");
    auto writer = CaptureWriter::create(file);
    int64_t time = 0;
    for (const std::string& source : sources) {
      writer->write(seconds(3 * ++time),
                    PacketBuilder::udp(source, "198.51.100.9:53").payload("x").build());
    }
    EXPECT_TRUE(writer->finish());
    cases_.captures.files = {file};
    Configuration configuration{cases_.world, cases_.snapshot.objects.cluster,
                                cases_.snapshot.proxy};
    auto session = Session::start(configuration, engine("fake").value(), cases_.make_oracle);
    CaptureReplay replay;
    replay.files = {file};
    EXPECT_TRUE(replay_captures(**session, replay));
    Report report;
    (*session)->report_into(report);
    EXPECT_TRUE(write_divergence_cases(cases_, report));
    return report;
  }

  TemporaryFolder folder_;
  DivergenceCases cases_;
  // Fresh for every engine.
  std::function<Behaviour()> make_behaviour_ = [] { return Behaviour(pass_on); };
};

// Swallows what comes from this address.
Behaviour swallow(std::string_view address) {
  return [address](const Injection& injection, Fate& fate) {
    if (parse_packet(injection.packet)->source.to_string() != address) pass_on(injection, fate);
  };
}

TEST_F(DivergenceCasesTest, LeavesNothingWhereNothingDiverges) {
  const Report report = replay({"10.0.0.1:4000"});
  EXPECT_TRUE(report.engines[0].divergences.empty());
  EXPECT_FALSE(std::filesystem::exists(folder_.file("fake-1.json")));
}

TEST_F(DivergenceCasesTest, LeavesACaseWithThePacketAloneThatShowsItAgain) {
  make_behaviour_ = [] { return swallow("10.0.0.2"); };
  const Report report = replay({"10.0.0.1:4000", "10.0.0.2:4000", "10.0.0.3:4000"});
  ASSERT_EQ(report.engines[0].divergences.size(), 1U);
  const DivergenceReport& divergence = report.engines[0].divergences[0];
  ASSERT_EQ(divergence.case_file, folder_.file("fake-1.json"));
  EXPECT_EQ(divergence.case_command, "fake on " + divergence.case_file);
  const auto written = read_case(divergence.case_file);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->steps.size(), 1U);
  const auto again = run_case(
                         *written, [&] { return engine("fake"); }, cases_.make_oracle)
                         .value();
  EXPECT_EQ(verdict_of(again), RunVerdict::kDivergent);
}

TEST_F(DivergenceCasesTest, KeepsWhatTheDivergenceDependsOnAndNothingElse) {
  // Another client's packet makes the engine swallow the next one.
  make_behaviour_ = [] {
    return [met = false](const Injection& injection, Fate& fate) mutable {
      const std::string source = parse_packet(injection.packet)->source.to_string();
      if (source == "10.0.0.7") met = true;
      if (!met || source != "10.0.0.2") pass_on(injection, fate);
    };
  };
  const Report report =
      replay({"10.0.0.1:4000", "10.0.0.7:4000", "10.0.0.3:4000", "10.0.0.4:4000", "10.0.0.2:4000"});
  ASSERT_EQ(report.engines[0].divergences.size(), 1U);
  const auto written = read_case(report.engines[0].divergences[0].case_file);
  ASSERT_TRUE(written) << written.error().message;
  std::vector<std::string> sources;
  for (const Step& step : written->steps) {
    if (const auto* captured = std::get_if<CapturedStep>(&step)) {
      sources.push_back(parse_packet(captured->packet.packet)->source.to_string());
    }
  }
  EXPECT_EQ(sources, (std::vector<std::string>{"10.0.0.7", "10.0.0.2"}));
}

TEST_F(DivergenceCasesTest, LeavesNoFileForWhatDoesNotComeAgain) {
  auto lives = std::make_shared<int>(0);
  make_behaviour_ = [lives] { return (*lives)++ == 0 ? swallow("10.0.0.2") : Behaviour(pass_on); };
  const Report report = replay({"10.0.0.2:4000"});
  ASSERT_EQ(report.engines[0].divergences.size(), 1U);
  EXPECT_EQ(report.engines[0].divergences[0].case_file, "");
  EXPECT_FALSE(std::filesystem::exists(folder_.file("fake-1.json")));
}

TEST_F(DivergenceCasesTest, LetsTimePassAsItDid) {
  make_behaviour_ = [] {
    return [count = 0](const Injection& injection, Fate& fate) mutable {
      if (++count < 2) pass_on(injection, fate);
    };
  };
  const Report report = replay({"10.0.0.1:4000", "10.0.0.1:4000"});
  const auto written = read_case(report.engines[0].divergences.at(0).case_file);
  ASSERT_TRUE(written) << written.error().message;
  ASSERT_EQ(written->steps.size(), 3U);
  EXPECT_EQ(std::get<AdvanceStep>(written->steps[1]).duration, seconds(3));
}

}  // namespace
}  // namespace kubeproof
