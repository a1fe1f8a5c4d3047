#include "replay/capture/capture_import.h"

#include <algorithm>
#include <utility>

#include "model/node/ingress_index.h"
#include "replay/capture/merged_frames.h"
#include "replay/capture/offload.h"

namespace kubeproof {
namespace {

using Kind = PendingSighting::Kind;
using Departure = CapturedPacket::Departure;

uint32_t smallest_mtu(const World& world) {
  uint32_t smallest = UINT16_MAX;
  for (const Interface& interface : world.interfaces) {
    if (interface.kind != InterfaceKind::kLoopback) smallest = std::min(smallest, interface.mtu);
  }
  return smallest;
}

MergeOptions merge_options(const MergedFrames& frames, const World& world,
                           bool world_is_the_nodes) {
  MergeOptions options;
  bool directed = false;
  for (const CaptureFile& file : frames.files()) {
    options.departures_shown |= shows_departures(file.link_type());
    options.host_packets_logged |= shows_host_packets(file.link_type());
    directed |= tells_direction(file.link_type());
  }
  options.smallest_mtu = smallest_mtu(world);
  if (world_is_the_nodes) {
    for (const Interface& interface : world.interfaces) {
      if (!interface.master.empty()) options.bridge_ports.push_back(interface.index);
    }
  }
  // Where nothing can be merged, nothing needs to wait.
  if (!directed) options.forward_window = {};
  return options;
}

// Where the segments of a TCP frame begin: as its departures were cut, if they were, and nowhere
// more than `room` bytes apart. Ascending, without the beginning of the frame.
std::vector<uint32_t> plan_cuts(const PendingSighting& frame, uint32_t payload, uint32_t room) {
  std::vector<uint32_t> cuts = {payload};
  const uint32_t first_sequence = load32(frame.packet, frame.view.transport_offset + size_t{4});
  for (const Departure& departure : frame.departures) {
    const auto view = parse_packet(departure.packet);
    if (!view || departure.is_answer) continue;
    const auto size = tcp_payload_size(departure.packet, *view);
    if (!size) continue;
    const uint32_t from =
        load32(departure.packet, view->transport_offset + size_t{4}) - first_sequence;
    for (const uint32_t cut : {from, from + *size}) {
      if (cut > 0 && cut < payload) cuts.push_back(cut);
    }
  }
  std::sort(cuts.begin(), cuts.end());
  std::vector<uint32_t> all;
  uint32_t at = 0;
  for (const uint32_t cut : cuts) {
    for (; cut - at > room; at += room) all.push_back(at + room);
    if (cut != at && cut != payload) all.push_back(cut);
    at = cut;
  }
  return all;
}

}  // namespace

class CaptureImport::State {
 public:
  State(MergedFrames frames, const World& world, const ImportOptions& options)
      : frames_(std::move(frames)),
        world_(world),
        options_(options),
        merge_options_(merge_options(frames_, world, options.world_is_the_nodes)),
        reader_(world, summary_),
        merger_(merge_options_, summary_),
        coverage_(frames_.files().size()),
        ingresses_(world) {}

  bool next(CapturedPacket& packet) {
    while (ready_.empty()) {
      if (const PendingSighting* merged = merger_.next()) {
        import(*merged);
      } else if (finished_) {
        return false;
      } else {
        read_frame();
      }
    }
    std::swap(packet, ready_.front());
    ready_.pop_front();
    ++summary_.packets;
    return true;
  }

  bool shows_fates() const {
    return std::any_of(frames_.files().begin(), frames_.files().end(),
                       [](const CaptureFile& file) { return tells_direction(file.link_type()); });
  }
  const ImportSummary& summary() const { return summary_; }

 private:
  struct Coverage {
    std::optional<std::chrono::nanoseconds> from;
    std::chrono::nanoseconds until{};
  };

  void read_frame();
  void import(const PendingSighting& merged);
  void import_cut(const PendingSighting& merged, CapturedPacket& packet, uint32_t payload,
                  uint32_t mtu);
  bool explain_leaving(const PendingSighting& merged);
  Ingress ingress_of(const PendingSighting& merged);
  bool are_departures_complete(const PendingSighting& merged) const;
  Departure finish_departure(const Departure& seen);
  void complete(Bytes& packet, const PacketView& view, const FramePlace& place);

  MergedFrames frames_;
  const World& world_;
  ImportOptions options_;
  MergeOptions merge_options_;
  ImportSummary summary_;
  SightingReader reader_;
  SightingMerger merger_;
  std::vector<Coverage> coverage_;
  std::deque<CapturedPacket> ready_;
  const IngressIndex ingresses_;
  bool finished_ = false;
};

void CaptureImport::State::read_frame() {
  const auto item = frames_.next();
  if (!item) {
    finished_ = true;
    merger_.finish();
    for (uint32_t file = 0; file < frames_.files().size(); ++file) {
      const CaptureFile& each = frames_.files()[file];
      if (each.damage()) summary_.note_damage({file, each.frames() + 1}, *each.damage());
    }
    return;
  }
  ++summary_.frames;
  Coverage& coverage = coverage_[item->file];
  if (!coverage.from) coverage.from = item->frame.time;
  coverage.until = std::max(coverage.until, item->frame.time);
  if (const auto sighting = reader_.read(item->link_type, item->frame, item->file)) {
    merger_.add(*sighting);
  }
}

void CaptureImport::State::import(const PendingSighting& merged) {
  if (merged.kind == Kind::kLeaving && !explain_leaving(merged)) return;
  CapturedPacket packet;
  packet.time = merged.time;
  packet.place = merged.place;
  packet.ingress = ingress_of(merged);
  packet.as_it_left = merged.kind == Kind::kLeaving;
  packet.departures_complete = packet.as_it_left || are_departures_complete(merged);
  if (merged.view.is_fragment) summary_.note(ImportNote::kFragment, merged.place);

  const Interface* entrance =
      packet.ingress.is_host() ? &world_.uplink() : world_.find_interface(packet.ingress.interface);
  const uint32_t mtu = entrance != nullptr ? entrance->mtu : world_.uplink().mtu;
  const uint32_t longest = std::min(mtu, kLongestPacket);
  if (merged.view.total_length > longest) {
    if (const auto payload = tcp_payload_size(merged.packet, merged.view)) {
      return import_cut(merged, packet, *payload, longest);
    }
    // A process may send more than fits, and leave the cutting to the node.
    if (merged.view.total_length > mtu && !packet.ingress.is_host()) {
      return summary_.note(ImportNote::kUnknownSegments, merged.place);
    }
    if (merged.view.total_length > kLongestPacket) {
      return summary_.note(ImportNote::kTooLarge, merged.place);
    }
  }
  packet.packet = merged.packet;
  complete(packet.packet, merged.view, merged.place);
  for (const Departure& departure : merged.departures) {
    packet.departures.push_back(finish_departure(departure));
  }
  if (packet.as_it_left) {
    packet.departures.push_back({std::nullopt, packet.packet, packet.place, false});
  }
  ready_.push_back(std::move(packet));
}

void CaptureImport::State::import_cut(const PendingSighting& merged, CapturedPacket& packet,
                                      uint32_t payload, uint32_t longest) {
  summary_.note(ImportNote::kSegmented, merged.place);
  Bytes whole = merged.packet;
  complete(whole, merged.view, merged.place);
  const uint32_t room = segment_payload_size(whole, merged.view, longest);
  const std::vector<uint32_t> cuts = plan_cuts(merged, payload, room);
  const size_t first = ready_.size();
  for (Bytes& segment : cut_segments(whole, merged.view, cuts)) {
    CapturedPacket& each = ready_.emplace_back(packet);
    each.packet = std::move(segment);
    if (each.as_it_left) {
      each.departures.push_back({std::nullopt, each.packet, each.place, false});
    }
  }
  const uint32_t first_sequence = load32(whole, merged.view.transport_offset + size_t{4});
  for (const Departure& seen : merged.departures) {
    Departure departure = finish_departure(seen);
    const auto view = parse_packet(departure.packet);
    const auto size = view ? tcp_payload_size(departure.packet, *view) : std::nullopt;
    if (!size || departure.is_answer) {
      ready_[first].departures.push_back(std::move(departure));
      continue;
    }
    const uint32_t from =
        load32(departure.packet, view->transport_offset + size_t{4}) - first_sequence;
    std::vector<uint32_t> inner;
    for (const uint32_t cut : cuts) {
      if (cut > from && cut < from + *size) inner.push_back(cut - from);
    }
    auto segment = first + static_cast<size_t>(std::upper_bound(cuts.begin(), cuts.end(), from) -
                                               cuts.begin());
    for (Bytes& piece : cut_segments(departure.packet, *view, inner)) {
      departure.packet = std::move(piece);
      ready_[segment++].departures.push_back(departure);
    }
  }
}

// A packet of which only the departure was seen is taken for one of the node's own processes where
// every interface was watched, no log of OUTPUT tells better, and either its source is an address
// of the node, or its TTL is as it was made and its source no pod: the answer to a packet for a
// service that led to the node itself.
bool CaptureImport::State::explain_leaving(const PendingSighting& merged) {
  constexpr uint8_t kDefaultTtl = 64;
  const Ingress source = ingresses_.for_source(merged.view.source);
  const bool from_host = merge_options_.departures_shown && !merge_options_.host_packets_logged &&
                         (source.is_host() || (merged.view.ttl == kDefaultTtl &&
                                               source.interface == world_.uplink().index));
  summary_.note(from_host ? ImportNote::kAsItLeft : ImportNote::kUnexplainedDeparture,
                merged.place);
  return from_host;
}

Ingress CaptureImport::State::ingress_of(const PendingSighting& merged) {
  if (merged.kind != Kind::kEntering) return Ingress::host();
  const Ingress ingress = ingresses_.for_source(merged.view.source);
  // Seen to enter with an address of the node as its source: somebody else sent it.
  if (ingress.is_host() && merged.direction_known) return {world_.uplink().index};
  return ingress;
}

bool CaptureImport::State::are_departures_complete(const PendingSighting& merged) const {
  constexpr auto kSettled = std::chrono::milliseconds(20);
  // A datagram that the node had to cut is not recognised in its IPv6 fragments.
  if (merged.departures.empty() && merged.view.family == Family::kIpv6 &&
      merged.view.total_length > merge_options_.smallest_mtu && merged.view.protocol != kTcp) {
    return false;
  }
  if (!merged.direction_known || merged.translated_across_bridge) return false;
  for (size_t file = 0; file < coverage_.size(); ++file) {
    const Coverage& coverage = coverage_[file];
    if (shows_departures(frames_.files()[file].link_type()) && coverage.from <= merged.time &&
        coverage.from &&
        (!frames_.is_exhausted(file) || merged.time + kSettled <= coverage.until)) {
      return true;
    }
  }
  return false;
}

CapturedPacket::Departure CaptureImport::State::finish_departure(const Departure& seen) {
  Departure departure = seen;
  if (!options_.world_is_the_nodes) departure.interface.reset();
  if (const auto view = parse_packet(departure.packet)) {
    complete(departure.packet, *view, departure.place);
  }
  return departure;
}

void CaptureImport::State::complete(Bytes& packet, const PacketView& view,
                                    const FramePlace& place) {
  if (complete_checksum(packet, view)) summary_.note(ImportNote::kPartialChecksum, place);
}

Result<CaptureImport> CaptureImport::open(const std::vector<std::string>& files, const World& world,
                                          const ImportOptions& options) {
  auto frames = MergedFrames::open(files);
  if (!frames) return tl::unexpected(frames.error());
  return CaptureImport(std::make_unique<State>(std::move(*frames), world, options));
}

CaptureImport::CaptureImport(std::unique_ptr<State> state) : state_(std::move(state)) {}
CaptureImport::CaptureImport(CaptureImport&&) noexcept = default;
CaptureImport& CaptureImport::operator=(CaptureImport&&) noexcept = default;
CaptureImport::~CaptureImport() = default;

bool CaptureImport::next(CapturedPacket& packet) {
  return state_->next(packet);
}

bool CaptureImport::shows_fates() const {
  return state_->shows_fates();
}

const ImportSummary& CaptureImport::summary() const {
  return state_->summary();
}

}  // namespace kubeproof
