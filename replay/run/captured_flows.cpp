#include "replay/run/captured_flows.h"

#include <algorithm>
#include <functional>
#include <unordered_set>
#include <utility>

#include "replay/compare/flow_key.h"

namespace kubeproof {
namespace {

using Flows = std::unordered_set<FlowKey>;

std::vector<FlowKey> keys_of(const CapturedPacket& captured) {
  std::vector<FlowKey> keys;
  if (const auto key = flow_key(captured.packet)) keys.push_back(*key);
  for (const auto& departure : captured.departures) {
    if (const auto key = flow_key(departure.packet)) keys.push_back(*key);
  }
  return keys;
}

// Calls `visit` for the packets up to the one at `place`; false where that is not among them.
Result<bool> up_to(const CaptureSet& captures, const World& world, const FramePlace& place,
                   const std::function<bool(CapturedPacket&)>& visit) {
  auto import = CaptureImport::open(captures.files, world, captures.import);
  if (!import) return tl::unexpected(import.error());
  CapturedPacket packet;
  while (import->next(packet)) {
    const bool there = packet.place == place;
    const bool goes_on = visit(packet);
    if (there || !goes_on) return there;
  }
  return false;
}

Result<Flows> flows_of(const CaptureSet& captures, const World& world, const FramePlace& place) {
  Flows flows;
  size_t before = 0;
  // A reply is tied to its flow by the departure of the opening packet, which came earlier: each
  // pass goes one step back, until nothing is added.
  do {
    before = flows.size();
    const auto found = up_to(captures, world, place, [&](CapturedPacket& packet) {
      const std::vector<FlowKey> keys = keys_of(packet);
      const bool ours = packet.place == place ||
                        std::any_of(keys.begin(), keys.end(),
                                    [&](const FlowKey& key) { return flows.contains(key); });
      if (ours) flows.insert(keys.begin(), keys.end());
      return true;
    });
    if (!found) return tl::unexpected(found.error());
    if (!*found) return Flows{};
  } while (flows.size() != before);
  return flows;
}

Result<CapturedPackets> collect(const CaptureSet& captures, const World& world,
                                const FramePlace& place, size_t most,
                                const std::function<bool(const FlowKey&)>& wanted) {
  CapturedPackets packets;
  const auto found = up_to(captures, world, place, [&](CapturedPacket& packet) {
    const std::vector<FlowKey> keys = keys_of(packet);
    if (packet.place == place || std::any_of(keys.begin(), keys.end(), wanted)) {
      packets.push_back(packet);
    }
    return packets.size() <= most;
  });
  if (!found) return tl::unexpected(found.error());
  if (!*found || packets.size() > most) packets.clear();
  return packets;
}

}  // namespace

Result<CapturedPackets> packets_of_flow(const CaptureSet& captures, const World& world,
                                        const FramePlace& place) {
  const auto flows = flows_of(captures, world, place);
  if (!flows) return tl::unexpected(flows.error());
  return collect(captures, world, place, SIZE_MAX - 1,
                 [&](const FlowKey& key) { return flows->contains(key); });
}

Result<CapturedPackets> packets_around_flow(const CaptureSet& captures, const World& world,
                                            const FramePlace& place) {
  const auto flows = flows_of(captures, world, place);
  if (!flows) return tl::unexpected(flows.error());
  std::vector<SocketAddress> ends;
  for (const FlowKey& key : *flows) ends.insert(ends.end(), {key.low, key.high});
  std::sort(ends.begin(), ends.end());
  const auto is_end = [&](const SocketAddress& address) {
    return std::binary_search(ends.begin(), ends.end(), address);
  };
  return collect(captures, world, place, SIZE_MAX - 1,
                 [&](const FlowKey& key) { return is_end(key.low) || is_end(key.high); });
}

Result<CapturedPackets> packets_before(const CaptureSet& captures, const World& world,
                                       const FramePlace& place, size_t most) {
  return collect(captures, world, place, most, [](const FlowKey&) { return true; });
}

}  // namespace kubeproof
