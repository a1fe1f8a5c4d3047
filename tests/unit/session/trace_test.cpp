#include "replay/session/trace.h"

#include <gtest/gtest.h>

#include "replay/capture/capture_writer.h"
#include "tests/temporary_folder.h"
#include "tests/unit/capture/capture_fixture.h"
#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

const Bytes kSyn = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().build();
const Injection kInjection{Ingress{kUplink.interface}, kSyn, 0};

void drop(const Injection& /*injection*/, Fate& /*fate*/) {}

std::unique_ptr<Oracle> oracle() {
  return std::make_unique<FakeOracle>(translate_service, [](const Injection&, Outcome& outcome) {
    outcome.endpoint = SocketAddress::parse("10.180.0.1:8080").value();
    outcome.trace = {"nat PREROUTING #1"};
  });
}

TraceReport trace_of(Behaviour behaviour) {
  std::vector<EngineChoice> choices;
  choices.push_back({"fake", false, std::make_unique<FakeEngine>("fake", std::move(behaviour))});
  choices.push_back({"netfilter", true, environment_error("needs CAP_NET_ADMIN")});
  auto session = Session::start(small_configuration(), std::move(choices), oracle);
  return trace_packet(**session, oracle(), kInjection);
}

TEST(TracePacket, TellsWhatThePacketIsAndWhereItEnters) {
  const TraceReport report = trace_of(translate_service);
  EXPECT_EQ(report.ingress, "uplink (eth0)");
  EXPECT_EQ(report.packet, describe_packet(kSyn));
}

TEST(TracePacket, TellsEveryPermittedOutcomeWithItsRules) {
  const TraceReport report = trace_of(translate_service);
  ASSERT_EQ(report.outcomes.size(), 1U);
  EXPECT_EQ(report.outcomes[0].endpoint, "10.180.0.1:8080");
  EXPECT_EQ(report.outcomes[0].rules, std::vector<std::string>{"nat PREROUTING #1"});
  EXPECT_EQ(report.permitted.verdict, "dnat");
  EXPECT_EQ(report.permitted.destination, "10.180.0.1:8080");
  EXPECT_EQ(report.permitted.place, "pod1");
  EXPECT_EQ(report.permitted.ttl, "63");
}

TEST(TracePacket, TellsWhatAnEngineDidAndWhy) {
  const TraceReport report = trace_of(translate_service);
  const TraceColumn& column = report.engines.at(0);
  EXPECT_EQ(column.name, "fake");
  EXPECT_EQ(column.judgement, Judgement::kAgrees);
  EXPECT_EQ(column.summary.destination, "10.180.0.1:8080");
  EXPECT_EQ(column.summary.source, "10.0.0.1:4000");
  EXPECT_EQ(column.steps, std::vector<std::string>{"as the test says"});
}

TEST(TracePacket, TellsHowAFateDiffers) {
  const TraceReport report = trace_of(drop);
  const TraceColumn& column = report.engines.at(0);
  EXPECT_EQ(column.summary.verdict, "drop");
  EXPECT_EQ(column.judgement, Judgement::kDiverges);
  ASSERT_FALSE(column.difference.parts.empty());
  EXPECT_EQ(column.difference.parts[0].kind, DifferenceKind::kVerdict);
}

TEST(TracePacket, NamesAnEngineThatCannotRun) {
  const TraceReport report = trace_of(translate_service);
  const TraceColumn& column = report.engines.at(1);
  EXPECT_EQ(column.name, "netfilter");
  EXPECT_EQ(column.status, ColumnStatus::kSkipped);
  EXPECT_EQ(column.reason, "needs CAP_NET_ADMIN");
  EXPECT_TRUE(column.required);
}

class TraceCaptured : public testing::Test {
 protected:
  // What `tcpdump -i any` shows: packets that enter at the uplink, and leave to the pod.
  Result<std::optional<TraceColumn>> trace_in(const std::vector<Bytes>& frames,
                                              bool same_source = false) {
    const std::string file = folder_.file("in.pcap");
    auto writer = CaptureWriter::create(file, DLT_LINUX_SLL2);
    std::chrono::microseconds time{};
    for (const Bytes& frame : frames) writer->write(time += std::chrono::microseconds(9), frame);
    EXPECT_TRUE(writer->finish());
    CapturedLike like;
    like.files = {file};
    like.import.world_is_the_nodes = true;
    like.packet = kInjection;
    like.same_source = same_source;
    return trace_captured(small_configuration(), oracle(), like);
  }

  // As it leaves, when it came from this client.
  static Bytes translated(std::string_view client, std::string_view endpoint = "10.180.0.1:8080") {
    return cooked_v2(kOutgoing, kPod1.interface,
                     PacketBuilder::tcp(client, endpoint).ttl(63).syn().build());
  }
  static Bytes request(std::string_view client, std::string_view to = "10.96.0.10:80") {
    return cooked_v2(kToUs, kUplink.interface, PacketBuilder::tcp(client, to).syn().build());
  }

  TemporaryFolder folder_;
};

TEST_F(TraceCaptured, ShowsWhatTheCapturedNodeDidWithSuchAPacket) {
  const auto column = trace_in({request("10.0.0.9:5000"), translated("10.0.0.9:5000")});
  ASSERT_TRUE(column) << column.error().message;
  ASSERT_TRUE(*column);
  EXPECT_EQ((*column)->name, "captured");
  EXPECT_EQ((*column)->judgement, Judgement::kAgrees);
  EXPECT_EQ((*column)->summary.destination, "10.180.0.1:8080");
  EXPECT_TRUE((*column)->source.starts_with("in.pcap frame 1: 10.0.0.9:5000")) << (*column)->source;
}

TEST_F(TraceCaptured, HoldsTheReferenceToIt) {
  const auto column =
      trace_in({request("10.0.0.9:5000"), translated("10.0.0.9:5000", "10.180.0.2:8080")});
  ASSERT_TRUE(column && *column);
  EXPECT_EQ((*column)->judgement, Judgement::kDiverges);
}

TEST_F(TraceCaptured, WantsTheSameSourceWhereOneWasGiven) {
  const auto column = trace_in({request("10.0.0.9:5000"), translated("10.0.0.9:5000"),
                                request("10.0.0.1:5000"), translated("10.0.0.1:5000")},
                               true);
  ASSERT_TRUE(column && *column);
  EXPECT_TRUE((*column)->source.starts_with("in.pcap frame 3: 10.0.0.1:5000")) << (*column)->source;
}

TEST_F(TraceCaptured, FindsNothingWhereNoSuchPacketWasCaptured) {
  const auto column = trace_in({request("10.0.0.1:4000", "10.96.0.99:80")});
  ASSERT_TRUE(column);
  EXPECT_FALSE(*column);
}

TEST_F(TraceCaptured, RefusesAFileThatIsNotThere) {
  CapturedLike like;
  like.files = {folder_.file("none.pcap")};
  like.packet = kInjection;
  const auto column = trace_captured(small_configuration(), oracle(), like);
  ASSERT_FALSE(column);
  EXPECT_EQ(column.error().kind, ErrorKind::kBadInput);
}

}  // namespace
}  // namespace kubeproof
