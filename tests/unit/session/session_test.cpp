#include "replay/session/session.h"

#include <gtest/gtest.h>

#include "tests/unit/session/fakes.h"

namespace kubeproof {
namespace {

// A run of one engine that behaves in one way while another is permitted.
class OneEngine {
 public:
  OneEngine(Behaviour engine, Behaviour permitted, FakeOracle::Decoration decorate = {},
            Configuration configuration = small_configuration()) {
    auto fake = std::make_unique<FakeEngine>("fake", std::move(engine));
    engine_ = fake.get();
    std::vector<EngineChoice> choices;
    choices.push_back({"fake", false, std::move(fake)});
    session_ = *Session::start(std::move(configuration), std::move(choices),
                               [&] { return std::make_unique<FakeOracle>(permitted, decorate); });
  }

  Session& session() { return *session_; }
  FakeEngine& engine() { return *engine_; }
  Report report() const {
    Report report;
    session_->report_into(report);
    return report;
  }
  ColumnReport column() const { return report().engines.at(0); }

 private:
  FakeEngine* engine_;
  std::unique_ptr<Session> session_;
};

ConversationPlan plan(uint8_t protocol) {
  ConversationPlan plan;
  plan.ingress = Ingress{kUplink.interface};
  plan.from = *SocketAddress::parse("10.0.0.1:4000");
  plan.to = *SocketAddress::parse("10.96.0.10:80");
  plan.protocol = protocol;
  return plan;
}

constexpr PacketSource kSource{"web.json", 1, {}, 0, 0, 0};

void drop(const Injection&, Fate&) {}

TEST(Conversation, MakesATcpConversationFromHandshakeToClose) {
  OneEngine run(translate_service, translate_service);
  run.session().converse(plan(kTcp), kSource);
  EXPECT_EQ(run.column().packets, 8U);
  EXPECT_EQ(run.column().agree, 8U);
}

TEST(Conversation, MakesTwoExchangesOverUdp) {
  OneEngine run(translate_service, translate_service);
  ConversationPlan udp = plan(kUdp);
  udp.to = *SocketAddress::parse("10.96.0.10:80");
  run.session().converse(udp, kSource);
  EXPECT_EQ(run.column().packets, 4U);
  EXPECT_EQ(run.column().agree, 4U);
}

TEST(Conversation, MakesAnSctpAssociationFromHandshakeToShutdown) {
  OneEngine run(translate_service, translate_service);
  run.session().converse(plan(kSctp), kSource);
  EXPECT_EQ(run.column().packets, 9U);
  EXPECT_EQ(run.column().agree, 9U);
}

TEST(Conversation, EndsWhereTheOpeningPacketGetsNowhere) {
  OneEngine run(drop, drop);
  run.session().converse(plan(kTcp), kSource);
  EXPECT_EQ(run.column().packets, 1U);
}

TEST(Conversation, IsOnePacketWithoutReply) {
  OneEngine run(translate_service, translate_service);
  ConversationPlan one = plan(kTcp);
  one.reply = false;
  run.session().converse(one, kSource);
  EXPECT_EQ(run.column().packets, 1U);
}

TEST(Conversation, WantsTheReplyToComeFromTheContactedAddress) {
  // Both forget the way back, so that no oracle objects.
  const auto forgetful = [](const Injection& injection, Fate& fate) {
    const auto view = parse_packet(injection.packet);
    if (view->source_port != 8080) return translate_service(injection, fate);
    Bytes packet(injection.packet.begin(), injection.packet.end());
    PacketView changing = *view;
    decrement_ttl(packet, changing);
    fate.add_emission(kUplink, packet);
  };
  OneEngine run(forgetful, forgetful);
  run.session().converse(plan(kTcp), kSource);
  const ColumnReport column = run.column();
  ASSERT_EQ(column.divergences.size(), 1U);
  EXPECT_EQ(column.divergences[0].disagreement.difference.parts[0].kind,
            DifferenceKind::kReplyPath);
  EXPECT_EQ(column.divergences[0].source, "web.json step 1 packet 2");
  EXPECT_EQ(column.packets, column.agree + column.diverge + column.consequences);
}

TEST(Conversation, WantsNoReplyWhereNoRouteLeadsToTheClient) {
  const auto answers_to_nobody = [](const Injection& injection, Fate& fate) {
    const auto view = parse_packet(injection.packet);
    if (view->source_port != 8080) translate_service(injection, fate);
  };
  const auto divergences = [&](const char* destination, RouteType type) {
    Configuration configuration = small_configuration();
    Route route;
    route.destination = *Cidr::parse(destination);
    route.type = type;
    configuration.world.routes.push_back(route);
    OneEngine run(answers_to_nobody, answers_to_nobody, {}, std::move(configuration));
    run.session().converse(plan(kTcp), kSource);
    return run.column().divergences.size();
  };
  for (const RouteType type :
       {RouteType::kBlackhole, RouteType::kUnreachable, RouteType::kProhibit}) {
    EXPECT_EQ(divergences("10.0.0.1/32", type), 0U);
    EXPECT_EQ(divergences("10.0.0.2/32", type), 1U) << "another's";
  }
}

TEST(Session, CountsADivergenceOnceAndItsConsequencesBesides) {
  OneEngine run(drop, translate_service);
  run.session().converse(plan(kTcp), kSource);
  run.session().converse(plan(kTcp), kSource);
  const ColumnReport column = run.column();
  EXPECT_EQ(column.diverge, 1U);
  EXPECT_EQ(column.consequences, 1U);
  ASSERT_EQ(column.divergences.size(), 1U);
  EXPECT_EQ(column.divergences[0].consequences, 1U);
  EXPECT_EQ(column.divergences[0].source, "web.json step 1 packet 1");
}

TEST(Session, NeverCountsABrokenEngineAsPassed) {
  OneEngine run(translate_service, translate_service);
  run.engine().broken = true;
  run.session().converse(plan(kTcp), kSource);
  EXPECT_EQ(run.column().status, ColumnStatus::kFailed);
  EXPECT_NE(run.column().reason.find("the kernel went away"), std::string::npos);
  EXPECT_FALSE(run.session().any_runs());
  EXPECT_EQ(verdict_of(run.report()), RunVerdict::kIncomplete);
}

TEST(Session, ReportsAnEngineThatCannotRunAsSkipped) {
  std::vector<EngineChoice> choices;
  choices.push_back({"netfilter", true, environment_error("needs CAP_NET_ADMIN")});
  const auto session = Session::start(small_configuration(), std::move(choices), [] {
    return std::make_unique<FakeOracle>(translate_service);
  });
  Report report;
  (*session)->report_into(report);
  ASSERT_EQ(report.engines.size(), 1U);
  EXPECT_EQ(report.engines[0].status, ColumnStatus::kSkipped);
  EXPECT_TRUE(report.engines[0].required);
}

TEST(Session, LetsTimePassForEveryEngine) {
  OneEngine run(translate_service, translate_service);
  run.session().advance(std::chrono::seconds(3));
  EXPECT_EQ(run.engine().advanced, std::chrono::seconds(3));
}

class Recorder final : public OpeningWatch {
 public:
  void permitted(std::string_view engine, const Injection&,
                 std::span<const Outcome> outcomes) override {
    lines.push_back(fmt::format("{} permits {}", engine, outcomes.size()));
  }
  void taken(std::string_view engine, const Injection&, const Fate& fate) override {
    lines.push_back(fmt::format("{} emits {}", engine, fate.size()));
  }
  std::vector<std::string> lines;
};

TEST(Session, ShowsTheOpeningPacketOfAConversationAlone) {
  OneEngine run(translate_service, translate_service);
  Recorder recorder;
  run.session().converse(plan(kTcp), kSource, &recorder);
  EXPECT_EQ(recorder.lines, (std::vector<std::string>{"fake permits 1", "fake emits 1"}));
}

TEST(Session, HoldsTheReferenceToTheCapture) {
  OneEngine run(translate_service, translate_service);
  ASSERT_TRUE(run.session().check_captured(std::make_unique<FakeOracle>(translate_service)));
  CapturedPacket captured;
  captured.ingress = Ingress{kUplink.interface};
  captured.packet = PacketBuilder::tcp("10.0.0.1:4000", "10.96.0.10:80").syn().build();
  captured.departures_complete = true;
  run.session().captured(captured, {"lab.pcap", 0, {}, 5, 0, 0});
  const Report report = run.report();
  ASSERT_TRUE(report.captured);
  EXPECT_EQ(report.captured->diverge, 1U);
  EXPECT_EQ(report.captured->divergences[0].source, "lab.pcap frame 5");
}

}  // namespace
}  // namespace kubeproof
