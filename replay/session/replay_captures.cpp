#include "replay/session/replay_captures.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

namespace kubeproof {
namespace {

constexpr uint64_t kProgressInterval = 4096;

std::vector<ImportCount> import_counts(const ImportSummary& summary,
                                       const std::vector<std::string>& names) {
  std::vector<ImportCount> counts;
  counts.push_back({"frames", "frames", summary.frames, {}, false});
  counts.push_back({"packets", "packets that entered the node", summary.packets, {}, false});
  for (size_t i = 0; i < static_cast<size_t>(ImportNote::kCount); ++i) {
    const auto note = static_cast<ImportNote>(i);
    const ImportSummary::Count& count = summary[note];
    ImportCount& line = counts.emplace_back();
    line.name = name_of(note);
    line.text = describe(note);
    line.count = count.count;
    line.set_aside = is_set_aside(note);
    if (note == ImportNote::kFileDamage) line.details = summary.damage();
    if (count.count != 0) {
      line.first = fmt::format("first: {} frame {}", names[count.first.file], count.first.frame);
    }
  }
  return counts;
}

}  // namespace

Result<std::vector<ImportCount>> replay_captures(Session& session, const CaptureReplay& replay) {
  auto import = CaptureImport::open(replay.files, session.configuration().world, replay.import);
  if (!import) return tl::unexpected(import.error());
  if (!import->shows_fates()) session.captures_show_no_fates();
  std::vector<std::string> names;
  for (const std::string& file : replay.files) {
    names.push_back(std::filesystem::path(file).filename().string());
  }
  CapturedPacket packet;
  std::optional<std::chrono::nanoseconds> last;
  uint64_t packets = 0;
  while (session.any_runs() && import->next(packet)) {
    if (replay.before && !replay.before(packet.place)) break;
    // Clocks of captures may step back; virtual time does not.
    if (!last && replay.source.step == 0) session.begin_at(packet.time);
    if (last && packet.time > *last) session.advance(packet.time - *last);
    if (!last || packet.time > *last) last = packet.time;
    PacketSource source = replay.source;
    (source.step == 0 ? source.input : source.capture) = names[packet.place.file];
    source.frame = packet.place.frame;
    source.file = packet.place.file;
    session.captured(packet, source);
    if (++packets % kProgressInterval == 0 && replay.progress) replay.progress(packets);
  }
  return import_counts(import->summary(), names);
}

}  // namespace kubeproof
