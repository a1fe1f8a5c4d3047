#include "replay/session/replay_captures.h"

#include <gtest/gtest.h>

#include "replay/session/engine_captures.h"
#include "replay/session/explain_divergences.h"
#include "tests/temporary_folder.h"
#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

using namespace std::chrono_literals;

class ReplayCaptures : public testing::Test {
 protected:
  ReplayCaptures() { start(translate_service); }

  // A fresh session of an engine that may behave otherwise than is permitted.
  void start(Behaviour behaviour) {
    auto engine = std::make_unique<FakeEngine>("fake", std::move(behaviour));
    engine_ = engine.get();
    std::vector<EngineChoice> choices;
    choices.push_back({"fake", false, std::move(engine)});
    session_ = *Session::start(small_configuration(), std::move(choices),
                               [] { return std::make_unique<FakeOracle>(translate_service); });
  }

  std::string capture_of(const std::vector<std::pair<std::chrono::nanoseconds, Bytes>>& packets) {
    const std::string path = folder_.file("in.pcap");
    auto writer = CaptureWriter::create(path);
    for (const auto& [time, packet] : packets) writer->write(time, packet);
    EXPECT_TRUE(writer->finish());
    return path;
  }
  std::vector<ImportCount> replay(const std::string& file) {
    CaptureReplay replay;
    replay.files = {file};
    auto counts = replay_captures(*session_, replay);
    EXPECT_TRUE(counts);
    return *counts;
  }
  ColumnReport column() const {
    Report report;
    session_->report_into(report);
    return report.engines.at(0);
  }

  static Bytes request(std::string_view from) {
    return PacketBuilder::tcp(from, "10.96.0.10:80").syn().build();
  }

  TemporaryFolder folder_;
  FakeEngine* engine_;
  std::unique_ptr<Session> session_;
};

TEST_F(ReplayCaptures, GivesEveryPacketToTheEngines) {
  replay(capture_of({{1s, request("10.0.0.1:4000")}, {2s, request("10.0.0.2:4000")}}));
  EXPECT_EQ(column().packets, 2U);
  EXPECT_EQ(column().agree, 2U);
}

TEST_F(ReplayCaptures, LetsTimePassAsItDidInTheCapture) {
  replay(capture_of({{100s, request("10.0.0.1:4000")},
                     {103s, request("10.0.0.2:4000")},
                     {103s, request("10.0.0.3:4000")}}));
  EXPECT_EQ(engine_->advanced, 3s);
  EXPECT_EQ(session_->now(), 103s);
}

TEST_F(ReplayCaptures, CountsWhatTheImportMet) {
  Bytes broken = request("10.0.0.1:4000");
  broken[0] = 0x41;
  const auto counts = replay(capture_of({{1s, broken}, {2s, request("10.0.0.2:4000")}}));
  const auto count_of = [&](std::string_view name) {
    for (const ImportCount& line : counts) {
      if (line.name == name) return line.count;
    }
    return uint64_t{9999};
  };
  EXPECT_EQ(count_of("frames"), 2U);
  EXPECT_EQ(count_of("packets"), 1U);
  EXPECT_EQ(count_of("malformed_headers"), 1U);
}

TEST_F(ReplayCaptures, ExplainsInASecondReplayWhatDiverged) {
  const auto drop_second = [](const Injection& injection, Fate& fate) {
    if (parse_packet(injection.packet)->source_port != 4001) translate_service(injection, fate);
  };
  CaptureReplay replay;
  replay.files = {capture_of({{1s, request("10.0.0.1:4000")},
                              {2s, request("10.0.0.1:4001")},
                              {3s, request("10.0.0.1:4002")}})};
  start(drop_second);
  ASSERT_TRUE(replay_captures(*session_, replay));
  Report report;
  session_->report_into(report);
  ASSERT_TRUE(needs_explanation(report));
  EXPECT_TRUE(report.engines[0].divergences.at(0).decisions.empty());
  start(drop_second);
  ASSERT_TRUE(explain_divergences(*session_, replay, report));
  EXPECT_EQ(report.engines[0].divergences.at(0).decisions,
            std::vector<std::string>{"as the test says"});
  EXPECT_EQ(report.engines[0].packets, 3U);
}

TEST_F(ReplayCaptures, AsksNoReferenceAboutCapturesThatShowNoFates) {
  size_t asked = 0;
  const auto counting = [&](const Injection& injection, Fate& fate) {
    ++asked;
    translate_service(injection, fate);
  };
  ASSERT_TRUE(session_->check_captured(std::make_unique<FakeOracle>(counting)));
  replay(capture_of({{1s, request("10.0.0.1:4000")}, {2s, request("10.0.0.2:4000")}}));
  Report report;
  session_->report_into(report);
  EXPECT_EQ(asked, 0U);
  ASSERT_TRUE(report.captured);
  EXPECT_EQ(report.captured->packets, 2U);
  EXPECT_EQ(report.captured->not_shown, 2U);
}

TEST_F(ReplayCaptures, SaysWhichFileCannotBeRead) {
  CaptureReplay replay;
  replay.files = {folder_.file("none.pcap")};
  const auto counts = replay_captures(*session_, replay);
  ASSERT_FALSE(counts);
  EXPECT_EQ(counts.error().kind, ErrorKind::kBadInput);
  EXPECT_NE(counts.error().message.find("none.pcap"), std::string::npos);
}

TEST_F(ReplayCaptures, LeavesWhatTheEngineWasGivenAndEmitted) {
  auto captures = EngineCaptures::open(folder_.file("out"), *session_);
  ASSERT_TRUE(captures);
  replay(capture_of({{1s, request("10.0.0.1:4000")}}));
  ASSERT_TRUE(captures->finish());
  auto written = CaptureFile::open(folder_.file("out/fake.pcap"));
  ASSERT_TRUE(written);
  const auto given = written->next();
  ASSERT_TRUE(given);
  EXPECT_EQ(given->time, 1s);
  EXPECT_EQ(Bytes(given->bytes.begin(), given->bytes.end()), request("10.0.0.1:4000"));
  const auto emitted = written->next();
  ASSERT_TRUE(emitted);
  EXPECT_EQ(parse_packet(emitted->bytes)->destination_port, 8080);
  EXPECT_FALSE(written->next());
}

}  // namespace
}  // namespace kubeproof
