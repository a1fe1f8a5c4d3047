#include "model/netfilter/tcp_tracker.h"

#include <gtest/gtest.h>

#include "model/packet/packet_builder.h"

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

constexpr auto kOriginal = Direction::kOriginal;
constexpr auto kReply = Direction::kReply;

// A connection from a client (original direction) to a server, segment by segment.
class TcpTrackerTest : public testing::Test {
 protected:
  PacketBuilder from_client() const {
    return PacketBuilder::tcp("10.0.0.1:4000", "10.0.0.2:80").seq(client_).ack(0).flags(0);
  }
  PacketBuilder from_server() const {
    return PacketBuilder::tcp("10.0.0.2:80", "10.0.0.1:4000").seq(server_).ack(0).flags(0);
  }

  TrackVerdict track(Direction direction, const Bytes& packet) {
    const PacketView view = parse_packet(packet).value();
    const TrackVerdict verdict =
        track_tcp(connection_,
                  {.packet = packet, .view = view, .direction = direction, .confirmed = confirmed_},
                  settings_, now_);
    if (verdict == TrackVerdict::kValid) {
      confirmed_ = true;
      connection_.seen_reply |= direction == kReply;
    }
    return verdict;
  }

  void handshake() {
    client_ = 1000;
    server_ = 5000;
    EXPECT_EQ(track(kOriginal, from_client().syn().build()), TrackVerdict::kValid);
    EXPECT_EQ(track(kReply, from_server().syn().ack(1001).build()), TrackVerdict::kValid);
    client_ = 1001;
    server_ = 5001;
    EXPECT_EQ(track(kOriginal, from_client().ack(5001).build()), TrackVerdict::kValid);
  }

  // Both sides close, the client first.
  void close() {
    EXPECT_EQ(track(kOriginal, from_client().fin().ack(server_).build()), TrackVerdict::kValid);
    ++client_;
    EXPECT_EQ(track(kReply, from_server().fin().ack(client_).build()), TrackVerdict::kValid);
    ++server_;
    EXPECT_EQ(track(kOriginal, from_client().ack(server_).build()), TrackVerdict::kValid);
  }

  TcpPhase phase() const { return connection_.tcp.phase; }
  Instant lifetime() const { return connection_.deadline - now_; }

  Connection connection_;
  ConntrackSettings settings_;
  Instant now_{};
  bool confirmed_ = false;
  uint32_t client_ = 1000;
  uint32_t server_ = 5000;
};

TEST_F(TcpTrackerTest, AHandshakeEstablishesAndAssures) {
  EXPECT_EQ(track(kOriginal, from_client().syn().build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kSynSent);
  EXPECT_EQ(lifetime(), 120s);
  EXPECT_EQ(track(kReply, from_server().syn().ack(1001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kSynReceived);
  EXPECT_EQ(lifetime(), 60s);
  client_ = 1001;
  EXPECT_EQ(track(kOriginal, from_client().ack(5001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
  EXPECT_TRUE(connection_.assured);
  EXPECT_EQ(lifetime(), 86400s);
}

TEST_F(TcpTrackerTest, UnacknowledgedDataShortensALife) {
  handshake();
  track(kOriginal, from_client().psh().ack(5001).payload("hello").build());
  EXPECT_EQ(lifetime(), 300s);
  track(kReply, from_server().ack(1006).build());
  EXPECT_EQ(lifetime(), 86400s);
}

TEST_F(TcpTrackerTest, ClosingEndsInTimeWait) {
  handshake();
  track(kOriginal, from_client().fin().ack(5001).build());
  EXPECT_EQ(phase(), TcpPhase::kFinWait);
  ++client_;
  track(kReply, from_server().ack(1002).build());
  EXPECT_EQ(phase(), TcpPhase::kCloseWait);
  EXPECT_EQ(lifetime(), 3600s);
  track(kReply, from_server().fin().ack(1002).build());
  EXPECT_EQ(phase(), TcpPhase::kLastAck);
  EXPECT_EQ(lifetime(), 30s);
  ++server_;
  track(kOriginal, from_client().ack(5002).build());
  EXPECT_EQ(phase(), TcpPhase::kTimeWait);
  EXPECT_EQ(lifetime(), 120s);
}

TEST_F(TcpTrackerTest, ASynInTimeWaitAsksForANewConnection) {
  handshake();
  close();
  EXPECT_EQ(track(kOriginal, from_client().seq(90000).syn().build()), TrackVerdict::kReopen);
}

TEST_F(TcpTrackerTest, ASynInTimeWaitFromTheServerAsksForANewConnectionToo) {
  handshake();
  close();
  EXPECT_EQ(track(kReply, from_server().seq(90000).syn().build()), TrackVerdict::kReopen);
}

TEST_F(TcpTrackerTest, ASynAfterAResetBySameSideAsksForANewConnection) {
  handshake();
  EXPECT_EQ(track(kOriginal, from_client().rst().build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kClose);
  EXPECT_EQ(lifetime(), 10s);
  EXPECT_EQ(track(kOriginal, from_client().seq(90000).syn().build()), TrackVerdict::kReopen);
}

TEST_F(TcpTrackerTest, ASynInTheMiddleIsLetThroughAndChangesNothing) {
  handshake();
  EXPECT_EQ(track(kOriginal, from_client().seq(90000).syn().build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
  EXPECT_EQ(lifetime(), 86400s);
}

TEST_F(TcpTrackerTest, ASynAckToASynThatWasLetThroughPutsConntrackInStep) {
  handshake();
  track(kOriginal, from_client().seq(90000).syn().build());
  EXPECT_EQ(track(kReply, from_server().seq(70000).syn().ack(90001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kSynReceived);
  EXPECT_EQ(track(kOriginal, from_client().seq(90001).ack(70001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
}

TEST_F(TcpTrackerTest, AResetBeforeAnyReplyEndsTheConnectionAtOnce) {
  track(kOriginal, from_client().syn().build());
  EXPECT_EQ(track(kReply, from_server().seq(0).rst().ack(1001).build()),
            TrackVerdict::kValidAndOver);
}

TEST_F(TcpTrackerTest, ARetransmittedSynDoesNotLengthenALife) {
  track(kOriginal, from_client().syn().build());
  now_ = 100s;
  track(kOriginal, from_client().syn().build());
  EXPECT_EQ(lifetime(), 20s);
}

TEST_F(TcpTrackerTest, DataWithoutAConnectionIsPickedUp) {
  EXPECT_EQ(track(kOriginal, from_client().ack(77).payload("data").build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
  EXPECT_EQ(lifetime(), 300s) << "not for long, as long as nobody answers";
}

TEST_F(TcpTrackerTest, DataWithoutAConnectionIsInvalidWhereConntrackIsNotLoose) {
  settings_.tcp_loose = false;
  EXPECT_EQ(track(kOriginal, from_client().ack(77).build()), TrackVerdict::kInvalid);
}

TEST_F(TcpTrackerTest, OtherSegmentsStartNothing) {
  EXPECT_EQ(track(kOriginal, from_client().syn().ack(77).build()), TrackVerdict::kInvalid);
  EXPECT_EQ(track(kOriginal, from_client().fin().ack(77).build()), TrackVerdict::kInvalid);
  EXPECT_EQ(track(kOriginal, from_client().rst().build()), TrackVerdict::kInvalid);
}

TEST_F(TcpTrackerTest, MeaninglessFlagsAreInvalid) {
  handshake();
  EXPECT_EQ(track(kOriginal, from_client().flags(0x03).build()), TrackVerdict::kInvalid);
  EXPECT_EQ(track(kOriginal, from_client().flags(0x00).build()), TrackVerdict::kInvalid);
  EXPECT_EQ(track(kOriginal, from_client().flags(0x01).build()), TrackVerdict::kInvalid);
}

TEST_F(TcpTrackerTest, DataBeyondTheWindowIsInvalid) {
  handshake();
  const Bytes beyond = from_client().seq(client_ + 500000).ack(5001).payload("x").build();
  EXPECT_EQ(track(kOriginal, beyond), TrackVerdict::kInvalid);
}

TEST_F(TcpTrackerTest, AcknowledgingWhatWasNeverSentIsInvalid) {
  handshake();
  EXPECT_EQ(track(kOriginal, from_client().ack(9999999).build()), TrackVerdict::kInvalid);
}

TEST_F(TcpTrackerTest, LiberalConntrackDoesNotCheckWindows) {
  settings_.tcp_be_liberal = true;
  handshake();
  EXPECT_EQ(track(kOriginal, from_client().ack(9999999).build()), TrackVerdict::kValid);
}

TEST_F(TcpTrackerTest, AnOldResetIsInvalid) {
  handshake();
  track(kReply, from_server().ack(1001).build());
  EXPECT_EQ(track(kOriginal, from_client().seq(1).rst().build()), TrackVerdict::kInvalid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
}

TEST_F(TcpTrackerTest, AResetThatMissesTheExactSequenceNumberLeavesTheConnectionEstablished) {
  handshake();
  track(kReply, from_server().ack(1001).build());
  EXPECT_EQ(track(kOriginal, from_client().seq(client_ + 100).rst().build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
  EXPECT_EQ(lifetime(), 10s);
}

TEST_F(TcpTrackerTest, SynsFromBothSidesOpenAConnectionTogether) {
  track(kOriginal, from_client().syn().build());
  EXPECT_EQ(track(kReply, from_server().syn().build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kSynSent2);
  EXPECT_EQ(track(kOriginal, from_client().syn().ack(5001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kSynReceived);
  EXPECT_EQ(track(kReply, from_server().seq(5001).ack(1001).build()), TrackVerdict::kValid);
  EXPECT_EQ(phase(), TcpPhase::kEstablished);
}

TEST_F(TcpTrackerTest, WindowScalingCountsOnlyWhereBothSidesOfferIt) {
  const Bytes scale = {3, 3, 7, 1};
  client_ = 1000;
  track(kOriginal, from_client().syn().tcp_options(scale).build());
  track(kReply, from_server().syn().ack(1001).build());
  EXPECT_EQ(connection_.tcp.sides[0].scale, 0);

  connection_ = {};
  confirmed_ = false;
  track(kOriginal, from_client().syn().tcp_options(scale).build());
  track(kReply, from_server().syn().ack(1001).tcp_options(scale).build());
  EXPECT_EQ(connection_.tcp.sides[0].scale, 7);
}

TEST_F(TcpTrackerTest, AnEndOutOfWindowFromBothSidesShortensALife) {
  handshake();
  const uint32_t far = 5000000;
  track(kOriginal, from_client().seq(client_ + far).fin().ack(5001).build());
  track(kReply, from_server().seq(server_ + far).fin().ack(1001).build());
  EXPECT_EQ(lifetime(), 300s);
}

}  // namespace
}  // namespace kubeproof::netfilter
