#include "replay/capture/sighting_reader.h"

#include <algorithm>

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

ImportNote note_of(LinkFailure failure) {
  switch (failure) {
    case LinkFailure::kTooShort:
      return ImportNote::kMalformedLink;
    case LinkFailure::kNotIp:
      return ImportNote::kNotIp;
    case LinkFailure::kOtherHook:
      return ImportNote::kOtherHook;
  }
  return ImportNote::kMalformedLink;
}

// The snap length cuts frames; a log may be told to copy less than all of a packet.
bool is_cut(int link_type, const Frame& frame, ParseFailure failure) {
  if (frame.wire_length > frame.bytes.size()) return true;
  return shows_host_packets(link_type) && failure == ParseFailure::kTotalLength;
}

// The node's stack writes the checksum of every IPv4 header that it sends; what entered with a
// wrong one is the node's to judge.
bool damaged_on_its_way_out(const Sighting& sighting) {
  const bool sent = sighting.heading == Heading::kLeaving || sighting.heading == Heading::kLogged;
  return sent && sighting.view.family == Family::kIpv4 &&
         ipv4_header_checksum(sighting.packet) != load16(sighting.packet, 10);
}

bool is_group(const MacAddress& mac) {
  return (mac[0] & 1) != 0;
}

}  // namespace

SightingReader::SightingReader(const World& world, ImportSummary& summary)
    : world_(world), summary_(summary) {
  for (const Interface& interface : world.interfaces) {
    if (interface.mac && interface.mac != MacAddress{}) own_macs_.push_back(*interface.mac);
  }
}

bool is_stack_traffic(const PacketView& view) {
  constexpr uint8_t kIgmp = 2;
  constexpr uint8_t kRedirect = 5;
  if (view.protocol == kIgmp && view.family == Family::kIpv4) return true;
  if (!view.has_icmp) return false;
  if (view.protocol == kIcmp) return view.icmp_type == kRedirect;
  // Multicast listener discovery; router and neighbour discovery and redirects; MLDv2 reports.
  return (view.icmp_type >= 130 && view.icmp_type <= 132) ||
         (view.icmp_type >= 133 && view.icmp_type <= 137) || view.icmp_type == 143;
}

std::optional<Sighting> SightingReader::read(int link_type, const Frame& frame, uint32_t file) {
  const FramePlace place{file, frame.number};
  const auto skip = [&](ImportNote note) {
    summary_.note(note, place);
    return std::nullopt;
  };
  const auto link = parse_link(link_type, frame.bytes);
  if (!link) {
    const bool cut =
        link.error() == LinkFailure::kTooShort && frame.wire_length > frame.bytes.size();
    return skip(cut ? ImportNote::kCutBySnapLength : note_of(link.error()));
  }
  const auto view = parse_packet(link->packet);
  if (!view) {
    return skip(is_cut(link_type, frame, view.error()) ? ImportNote::kCutBySnapLength
                                                       : ImportNote::kMalformedHeader);
  }
  if (is_stack_traffic(*view)) return skip(ImportNote::kStackTraffic);
  Sighting sighting;
  sighting.packet = link->packet.first(view->total_length);
  sighting.view = *view;
  sighting.heading = heading_of(*link, *view);
  sighting.loopback = link->loopback;
  sighting.interface = link->interface;
  sighting.time = frame.time;
  sighting.place = place;
  if (damaged_on_its_way_out(sighting)) return skip(ImportNote::kMalformedHeader);
  if (link->tagged) summary_.note(ImportNote::kVlanTag, place);
  return sighting;
}

Heading SightingReader::heading_of(const LinkView& link, const PacketView& view) {
  if (!link.source) return link.heading;
  if (!is_own(*link.source) && !is_own(*link.destination)) {
    learn(view.source, *link.source);
    learn(view.destination, *link.destination);
  }
  if (is_own(*link.source)) return Heading::kLeaving;
  return is_own(*link.destination) || is_group(*link.destination) ? Heading::kEntering
                                                                  : Heading::kUnknown;
}

bool SightingReader::is_own(const MacAddress& mac) const {
  return std::find(own_macs_.begin(), own_macs_.end(), mac) != own_macs_.end();
}

void SightingReader::learn(const IpAddress& address, const MacAddress& mac) {
  constexpr size_t kMostMacs = 64;
  if (!is_group(mac) && own_macs_.size() < kMostMacs && !address.is_loopback() &&
      world_.is_local(address)) {
    own_macs_.push_back(mac);
  }
}

}  // namespace kubeproof
