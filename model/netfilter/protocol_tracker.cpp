#include "model/netfilter/protocol_tracker.h"

#include "model/netfilter/other_trackers.h"
#include "model/netfilter/sctp_tracker.h"
#include "model/netfilter/tcp_tracker.h"
#include "model/packet/checksum.h"

namespace kubeproof::netfilter {
namespace {

// nf_conntrack_proto_udp.c: replies that come more than two seconds after the first packet make a
// stream, which lives longer.
TrackVerdict track_udp(Connection& connection, const TrackedPacket& tracked,
                       const ConntrackSettings& settings, Instant now) {
  const PacketView& view = tracked.view;
  const size_t datagram = load16(tracked.packet, view.transport_offset + size_t{4});
  if (datagram < 8 || datagram > view.total_length - size_t{view.transport_offset} ||
      tracked.wrong_checksum()) {
    return TrackVerdict::kInvalid;
  }
  if (!tracked.confirmed) connection.stream_after = now + std::chrono::seconds(2);
  const bool stream = connection.seen_reply && now > connection.stream_after;
  connection.deadline = now + (stream ? settings.udp_stream : settings.udp);
  connection.assured |= stream;
  return TrackVerdict::kValid;
}

bool starts_icmp_flow(const PacketView& view) {
  if (view.protocol == kIcmpv6) return view.icmp_type == 128 || view.icmp_type == 139;
  return view.icmp_type == 8 || view.icmp_type == 13 || view.icmp_type == 15 ||
         view.icmp_type == 17;
}

// nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c: only queries start a flow.
TrackVerdict track_icmp(Connection& connection, const TrackedPacket& tracked,
                        const ConntrackSettings& settings, Instant now) {
  if (!tracked.confirmed && !starts_icmp_flow(tracked.view)) return TrackVerdict::kInvalid;
  connection.deadline = now + settings.icmp;
  return TrackVerdict::kValid;
}

// nf_conntrack_proto_gre.c, where no call of PPTP tells it otherwise.
TrackVerdict track_gre(Connection& connection, const ConntrackSettings& settings, Instant now) {
  connection.deadline = now + (connection.seen_reply ? settings.gre_stream : settings.gre);
  connection.assured |= connection.seen_reply;
  return TrackVerdict::kValid;
}

}  // namespace

// nf_ip_checksum(), nf_ip6_checksum(): over all that follows the IP header, whatever length a UDP
// header claims.
bool TrackedPacket::wrong_checksum() const {
  if (!verify_checksum) return false;
  const auto at = transport_checksum_offset(view);
  if (!at || *at + 2 > view.total_length) return false;
  if (view.protocol == kUdp && load16(packet, *at) == 0) return false;  // there is none
  if (view.protocol == kSctp) {
    const auto crc = transport_checksum(packet, view);
    return crc && *crc != load32(packet, *at);
  }
  const ByteView segment = packet.first(view.total_length).subspan(view.transport_offset);
  const uint16_t initial = view.protocol == kIcmp
                               ? uint16_t{0}
                               : pseudo_header_sum(view, static_cast<uint32_t>(segment.size()));
  return ones_complement_sum(segment, initial) != 0xffff;
}

TrackVerdict track(Connection& connection, const TrackedPacket& tracked,
                   const ConntrackSettings& settings, Instant now) {
  switch (tracked.view.protocol) {
    case kTcp:
      if (tracked.wrong_checksum()) return TrackVerdict::kInvalid;
      return track_tcp(connection, tracked, settings, now);
    case kSctp:
      return track_sctp(connection, tracked, settings, now);
    case kUdp:
      return track_udp(connection, tracked, settings, now);
    case kIcmp:
    case kIcmpv6:
      return track_icmp(connection, tracked, settings, now);
    case kGre:
      return track_gre(connection, settings, now);
    default:
      connection.deadline = now + settings.generic;
      return TrackVerdict::kValid;
  }
}

}  // namespace kubeproof::netfilter
