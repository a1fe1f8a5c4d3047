#include "replay/capture/import_summary.h"

#include <fmt/format.h>

#include <utility>

namespace kubeproof {
namespace {

struct NoteText {
  std::string_view name;
  std::string_view description;
  bool set_aside;
};

// In the order of ImportNote.
constexpr std::array<NoteText, static_cast<size_t>(ImportNote::kCount)> kTexts = {{
    {"repeated_sightings", "further sightings of the same packet on its way in or out", false},
    {"translated_at_bridge",
     "sightings of the same packet behind a bridge port that translated it (br_netfilter)", false},
    {"departures", "sightings of a packet leaving, joined to the packet that entered", false},
    {"answers", "ICMP errors of the node, joined to the packet that they are about", false},
    {"segmented", "frames of several segments (offload), cut into them", false},
    {"partial_checksums", "partial checksums (offload), completed", false},
    {"fragments", "IP fragments, imported as they are", false},
    {"vlan_tags", "frames with VLAN tags, taken without them", false},
    {"as_they_left",
     "packets of the node's own processes seen only when they left, taken as untranslated", false},
    {"stack_traffic", "packets of an IP stack's own (neighbour discovery, MLD, IGMP, redirects)",
     true},
    {"loopback", "sightings on the loopback interface", true},
    {"bridged", "frames for other hosts, bridged or seen in passing", true},
    {"unexplained_departures", "packets seen leaving that nothing seen entering explains", true},
    {"unknown_segments", "frames larger than the MTU that are not TCP, whose segments are unknown",
     true},
    {"too_large", "packets of more than 3,500 bytes that are not TCP, and more than test runs take",
     true},
    {"other_hooks", "packets logged at other hooks than OUTPUT and PREROUTING", true},
    {"not_ip", "frames that are not IP", true},
    {"cut_by_snap_length", "packets cut by the snap length", true},
    {"malformed_link_headers", "frames too short for their link-layer header", true},
    {"malformed_headers", "packets with malformed IP headers", true},
    {"damaged_files", "files that end in the middle or are damaged, read up to there", true},
}};

const NoteText& text_of(ImportNote note) {
  return kTexts[static_cast<size_t>(note)];
}

}  // namespace

std::string_view name_of(ImportNote note) {
  return text_of(note).name;
}

std::string_view describe(ImportNote note) {
  return text_of(note).description;
}

bool is_set_aside(ImportNote note) {
  return text_of(note).set_aside;
}

void ImportSummary::note(ImportNote note, const FramePlace& place) {
  Count& count = counts_[static_cast<size_t>(note)];
  if (count.count++ == 0) count.first = place;
}

void ImportSummary::note_damage(const FramePlace& place, std::string line) {
  note(ImportNote::kFileDamage, place);
  damage_.push_back(std::move(line));
}

std::vector<std::string> ImportSummary::lines(const std::vector<std::string>& files) const {
  std::vector<std::string> result;
  for (size_t i = 0; i < counts_.size(); ++i) {
    const Count& count = counts_[i];
    if (count.count == 0) continue;
    result.push_back(fmt::format("{} {} (first: {} frame {})", count.count, kTexts[i].description,
                                 files[count.first.file], count.first.frame));
  }
  return result;
}

}  // namespace kubeproof
