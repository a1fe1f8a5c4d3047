// A case: one file with a node, a snapshot, and a timeline of packets, captures, changes of
// objects, and passing time. Reading and writing are in read_case.h and write_case.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/cluster/objects.h"
#include "model/node/world.h"
#include "model/packet/address.h"
#include "model/packet/bytes.h"
#include "model/snapshot/snapshot.h"
#include "replay/capture/captured_packet.h"
#include "replay/engine/engine.h"
#include "replay/session/expectation.h"

namespace kubeproof {

// The packets of a short conversation.
struct FlowStep {
  IpAddress from;
  SocketAddress to;
  uint8_t protocol = kTcp;
  Ingress ingress;
  std::optional<uint16_t> source_port;  // else one that no other flow has
  uint32_t repeat = 1;                  // new flows; a source port given is the first one's
  uint8_t ttl = 64;
  std::optional<std::string> payload;
  bool reply = true;
  std::optional<Expectation> expect;
};

// Captures of one node that were taken together.
struct CaptureStep {
  std::vector<std::string> files;  // as they can be opened
};

struct PacketStep {
  Ingress ingress;
  Bytes packet;  // from the network header
  uint32_t mark = 0;
};

// A packet as a capture holds it, and what the captured node did with it. Its time and place in the
// capture are not kept.
struct CapturedStep {
  CapturedPacket packet;
};

struct AdvanceStep {
  std::chrono::nanoseconds duration{};
};

// Objects that are created or replaced.
struct ApplyStep {
  Objects objects;
};

struct DeleteStep {
  std::vector<ObjectId> objects;
};

using Step = std::variant<FlowStep, CaptureStep, PacketStep, CapturedStep, AdvanceStep, ApplyStep,
                          DeleteStep>;

struct Case {
  std::string file;  // as the user named it
  std::string name;
  std::string description;
  std::vector<std::string> tags;
  Snapshot snapshot;
  World world;  // with every pod that occurs on the timeline
  std::vector<Step> steps;

  Configuration configuration() const { return {world, snapshot.objects.cluster, snapshot.proxy}; }
};

}  // namespace kubeproof
