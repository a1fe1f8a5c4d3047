#include "replay/session/flow_captures.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>

#include "replay/capture/capture_writer.h"
#include "replay/capture/link_layer.h"
#include "replay/capture/merged_frames.h"

namespace kubeproof {
namespace {

// How long after a packet's first sighting its departure may come, and a log of OUTPUT.
constexpr std::chrono::nanoseconds kLateSightings = std::chrono::milliseconds(1600);

std::vector<FlowKey> keys_of(const CapturedPacket& captured) {
  std::vector<FlowKey> keys;
  if (const auto key = flow_key(captured.packet)) keys.push_back(*key);
  for (const auto& departure : captured.departures) {
    if (const auto key = flow_key(departure.packet)) keys.push_back(*key);
  }
  return keys;
}

}  // namespace

Result<std::unordered_set<FlowKey>> flows_around(const CaptureSet& captures, const World& world,
                                                 const FramePlace& place) {
  std::unordered_set<FlowKey> flows;
  size_t before = 0;
  // A reply is tied to its flow by the departure of the opening packet, which came earlier: each
  // pass goes one step back, until nothing is added.
  do {
    before = flows.size();
    auto import = CaptureImport::open(captures.files, world, captures.import);
    if (!import) return tl::unexpected(import.error());
    CapturedPacket packet;
    while (import->next(packet)) {
      const std::vector<FlowKey> keys = keys_of(packet);
      const bool there = packet.place == place;
      if (there || std::any_of(keys.begin(), keys.end(),
                               [&](const FlowKey& key) { return flows.contains(key); })) {
        flows.insert(keys.begin(), keys.end());
      }
      if (there) break;
    }
  } while (flows.size() != before);
  return flows;
}

Result<std::vector<std::string>> cut_captures(const CaptureSet& captures, const FramePlace& place,
                                              const std::unordered_set<FlowKey>& flows,
                                              const std::string& path) {
  auto frames = MergedFrames::open(captures.files);
  if (!frames) return tl::unexpected(frames.error());
  std::map<uint32_t, CaptureWriter> writers;
  std::vector<std::string> written;
  std::optional<std::chrono::nanoseconds> end;
  while (const auto item = frames->next()) {
    if (item->file == place.file && item->frame.number == place.frame) {
      end = item->frame.time + kLateSightings;
    }
    if (end && item->frame.time > *end) break;
    const auto link = parse_link(item->link_type, item->frame.bytes);
    if (!link) continue;
    const auto key = flow_key(link->packet);
    if (!flows.empty() && (!key || !flows.contains(*key))) continue;
    auto writer = writers.find(item->file);
    if (writer == writers.end()) {
      const std::string file =
          writers.empty() ? path + ".pcap" : fmt::format("{}-{}.pcap", path, writers.size() + 1);
      auto created = CaptureWriter::create(file, item->link_type);
      if (!created) return tl::unexpected(created.error());
      writer = writers.emplace(item->file, *std::move(created)).first;
      written.push_back(file);
    }
    writer->second.write(item->frame.time, item->frame.bytes);
  }
  for (auto& [file, writer] : writers) {
    if (auto finished = writer.finish(); !finished) return tl::unexpected(finished.error());
  }
  return written;
}

}  // namespace kubeproof
