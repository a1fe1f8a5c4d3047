// Plays a scenario: makes its packets and hands them on one by one. The servers' packets answer
// what came out of the packets before.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/packet_builder.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// Where a played scenario goes. All members return whether to go on.
class Stage {
 public:
  Stage() = default;
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  virtual ~Stage() = default;

  // The first state of the cluster comes before all packets.
  virtual bool program(const Cluster& cluster) = 0;
  virtual bool advance(std::chrono::seconds duration) = 0;
  // Fills `fate`.
  virtual bool packet(const Injection& injection, Fate& fate) = 0;
  // Before each step, for reports.
  virtual void step(size_t) {}
};

class Player {
 public:
  Player(const Scenario& scenario, Stage& stage);

  // False where the stage stopped it.
  bool play();

 private:
  // One side's part in a flow that is under way.
  struct Side {
    Bytes sent;         // its last packet
    Ingress sent_from;  // and where that entered
    uint32_t next_sequence = 0;
    // Its last packet as it left the node toward the other side.
    Bytes arrived;
    Place arrived_at;
  };
  struct Flow {
    Side client;
    Side server;
    Side& side(Actor actor) { return actor == Actor::kClient ? client : server; }
  };
  struct Path {
    Ingress ingress;
    SocketAddress from;
    SocketAddress to;
  };

  bool play_step(const PacketStep& step);
  bool play_step(const ErrorStep& step);
  bool play_step(const AdvanceStep& step);
  bool play_step(const ChangeStep& step);

  Path path(const PacketStep& step);
  PacketBuilder builder(const PacketStep& step, const Path& path, Flow& flow) const;
  bool send(const PacketStep& step, const Bytes& packet, Ingress ingress);
  void spoil_bytes(const Damage& damage, Ingress ingress, Bytes& packet);
  void learn(const PacketStep& step);

  const Scenario& scenario_;
  Stage& stage_;
  std::vector<Flow> flows_;
  uint16_t datagrams_ = 1;  // in fragments, so far: no two are mixed up
  Fate fate_;
};

}  // namespace kubeproof::explore
