#include "replay/session/conversation.h"

#include <fmt/format.h>

#include "model/node/routing.h"
#include "model/packet/packet_builder.h"
#include "model/packet/sctp_chunk.h"

namespace kubeproof {
namespace {

// Of SCTP, these are the verification tags.
constexpr uint32_t kClientStart = 1000;
constexpr uint32_t kServerStart = 5000;
constexpr std::string_view kAnswer = "answer";

}  // namespace

Bytes Conversation::opening() const {
  switch (plan_.protocol) {
    case kTcp:
      return PacketBuilder::tcp(plan_.from, plan_.to)
          .ttl(plan_.ttl)
          .syn()
          .seq(kClientStart)
          .build();
    case kUdp:
      return PacketBuilder::udp(plan_.from, plan_.to).ttl(plan_.ttl).payload(plan_.payload).build();
    case kSctp:
      return PacketBuilder::sctp(plan_.from, plan_.to)
          .ttl(plan_.ttl)
          .payload(sctp_chunk(kSctpInit, kClientStart, 0))
          .build();
    default:
      return PacketBuilder::ip(plan_.from.address, plan_.to.address, plan_.protocol)
          .ttl(plan_.ttl)
          .payload(plan_.payload)
          .build();
  }
}

void Conversation::run(OpeningWatch* watch) {
  Arrival arrival;
  if (!client_sends(opening(), arrival, watch) || !plan_.reply) return;
  if (plan_.protocol == kTcp) run_tcp(arrival);
  if (plan_.protocol == kUdp) run_udp(arrival);
  if (plan_.protocol == kSctp) run_sctp(arrival);
}

void Conversation::run_udp(Arrival arrival) {
  const auto answer = [&] {
    return PacketBuilder::udp(arrival.server, arrival.client).payload(kAnswer).build();
  };
  if (!server_sends(answer(), arrival)) return;
  if (!client_sends(opening(), arrival)) return;
  server_sends(answer(), arrival);
}

void Conversation::run_tcp(Arrival arrival) {
  const auto sent = static_cast<uint32_t>(plan_.payload.size());
  const auto answered = static_cast<uint32_t>(kAnswer.size());
  const auto client = [&](uint32_t at, uint32_t seen) {
    return PacketBuilder::tcp(plan_.from, plan_.to)
        .ttl(plan_.ttl)
        .seq(kClientStart + at)
        .ack(kServerStart + seen);
  };
  const auto server = [&](uint32_t at, uint32_t seen) {
    return PacketBuilder::tcp(arrival.server, arrival.client)
        .seq(kServerStart + at)
        .ack(kClientStart + seen);
  };
  (void)(server_sends(server(0, 1).syn().build(), arrival) &&
         client_sends(client(1, 1).build(), arrival) &&
         client_sends(client(1, 1).psh().payload(plan_.payload).build(), arrival) &&
         server_sends(server(1, 1 + sent).psh().payload(kAnswer).build(), arrival) &&
         client_sends(client(1 + sent, 1 + answered).fin().build(), arrival) &&
         server_sends(server(1 + answered, 2 + sent).fin().build(), arrival) &&
         client_sends(client(2 + sent, 2 + answered).build(), arrival));
}

void Conversation::run_sctp(Arrival arrival) {
  const auto length = static_cast<uint16_t>(plan_.payload.size());
  const auto client = [&](uint8_t chunk) {
    return PacketBuilder::sctp(plan_.from, plan_.to)
        .ttl(plan_.ttl)
        .seq(kServerStart)
        .payload(sctp_chunk(chunk, kClientStart, length))
        .build();
  };
  const auto server = [&](uint8_t chunk) {
    return PacketBuilder::sctp(arrival.server, arrival.client)
        .seq(kClientStart)
        .payload(sctp_chunk(chunk, kServerStart, kAnswer.size()))
        .build();
  };
  (void)(server_sends(server(kSctpInitAck), arrival) &&
         client_sends(client(kSctpCookieEcho), arrival) &&
         server_sends(server(kSctpCookieAck), arrival) &&
         client_sends(client(kSctpData), arrival) && server_sends(server(kSctpData), arrival) &&
         client_sends(client(kSctpShutdown), arrival) &&
         server_sends(server(kSctpShutdownAck), arrival) &&
         client_sends(client(kSctpShutdownComplete), arrival));
}

bool Conversation::client_sends(const Bytes& packet, Arrival& arrival, OpeningWatch* watch) {
  ++source_.packet;
  const Injection injection{plan_.ingress, packet, plan_.mark};
  const auto outcomes = column_.permit(injection);
  if (watch != nullptr && column_.runs()) watch->permitted(column_.name(), injection, outcomes);
  const Taken* taken = column_.take(source_);
  if (taken == nullptr) return false;
  if (watch != nullptr) watch->taken(column_.name(), injection, taken->fate);
  for (const Emission& emission : taken->fate) {
    const auto view = parse_packet(emission.packet);
    if (!view || view->protocol != plan_.protocol) continue;
    arrival = {emission.place, view->source_endpoint(), view->destination_endpoint()};
    return true;
  }
  return false;
}

// A client may send from an address that the node has no route to, or one that refuses.
bool Conversation::has_way_back() const {
  switch (RoutingTable(world_).lookup(plan_.from.address).verdict) {
    case RouteVerdict::kNoRoute:
    case RouteVerdict::kUnreachable:
    case RouteVerdict::kProhibit:
    case RouteVerdict::kBlackhole:
      return false;
    default:
      return true;
  }
}

bool Conversation::server_sends(const Bytes& packet, const Arrival& arrival) {
  ++source_.packet;
  column_.permit({Ingress{arrival.place.interface}, packet, 0});
  const Taken* taken = column_.take(source_);
  if (taken == nullptr) return false;
  for (const Emission& emission : taken->fate) {
    const auto view = parse_packet(emission.packet);
    if (view && view->source_endpoint() == plan_.to && view->destination_endpoint() == plan_.from &&
        emission.place.is_sockets() == plan_.ingress.is_host()) {
      return true;
    }
  }
  if (taken->judged.judgement == Judgement::kAgrees && has_way_back()) {
    column_.add_divergence(
        source_,
        {DifferenceKind::kReplyPath,
         fmt::format("the reply from {} does not reach the client {} from {}, which it "
                     "had contacted",
                     arrival.server.to_string(), plan_.from.to_string(), plan_.to.to_string())});
  }
  return false;
}

}  // namespace kubeproof
