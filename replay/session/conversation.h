// The packets of a short conversation: opening packet, reply, a little data each way, close. The
// other side is made from what the engine emitted: it answers from where the packet arrived.
//
// The invariant of the way back is checked here: a reply to an emission reaches the client from the
// address and port that the client had contacted, unless no route leads to the client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/packet/packet_view.h"
#include "replay/session/column.h"
#include "replay/session/opening_watch.h"
#include "replay/session/packet_source.h"

namespace kubeproof {

struct ConversationPlan {
  Ingress ingress;
  SocketAddress from;
  SocketAddress to;
  uint8_t protocol = kTcp;  // of any but TCP, UDP and SCTP, only the opening packet
  uint8_t ttl = 64;
  std::string payload = "kubeproof";
  bool reply = true;  // false: the client alone speaks, one packet
  uint32_t mark = 0;
};

class Conversation {
 public:
  // `world` outlives it.
  Conversation(Column& column, const World& world, const ConversationPlan& plan,
               PacketSource source)
      : column_(column), world_(world), plan_(plan), source_(source) {}

  // `watch` may be null.
  void run(OpeningWatch* watch);

 private:
  // Where a packet of the client arrived.
  struct Arrival {
    Place place;
    SocketAddress client;  // as the other side sees it
    SocketAddress server;
  };

  void run_tcp(Arrival arrival);
  void run_udp(Arrival arrival);
  void run_sctp(Arrival arrival);
  // Both return whether the conversation can go on.
  bool client_sends(const Bytes& packet, Arrival& arrival, OpeningWatch* watch = nullptr);
  bool server_sends(const Bytes& packet, const Arrival& arrival);
  Bytes opening() const;
  bool has_way_back() const;

  Column& column_;
  const World& world_;
  const ConversationPlan& plan_;
  PacketSource source_;
};

}  // namespace kubeproof
