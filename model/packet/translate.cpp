#include "model/packet/translate.h"

#include <algorithm>

#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

enum class Side : uint8_t { kSource, kDestination };

// What belongs to a quoted packet is all that is there of it, whatever length its header claims.
size_t end_of(ByteView packet, const PacketView& view) {
  return view.is_quote ? packet.size() : std::min<size_t>(packet.size(), view.total_length);
}

// A 16-bit transport checksum that the packet carries and that covers what changes.
class CarriedChecksum {
 public:
  CarriedChecksum(MutableByteView packet, const PacketView& view) : packet_(packet) {
    const auto at = transport_checksum_offset(view);
    const bool later_fragment = view.is_fragment && view.fragment_offset != 0;
    if (!at || view.protocol == kSctp || later_fragment) return;
    // A quote may end before TCP's checksum, which is mended only where the header is whole.
    constexpr size_t kTcpHeaderSize = 20;
    const size_t needed = view.protocol == kTcp ? view.transport_offset + kTcpHeaderSize : *at + 2;
    if (needed > end_of(packet, view)) return;
    udp_ = view.protocol == kUdp;
    if (udp_ && load16(packet, *at) == 0) return;
    at_ = *at;
    covers_addresses_ = view.protocol != kIcmp;
  }

  void address_changed(const IpAddress& from, const IpAddress& to) {
    if (at_ == 0 || !covers_addresses_) return;
    store16(packet_, at_, update_checksum(load16(packet_, at_), from, to));
  }

  void word_changed(uint16_t from, uint16_t to) {
    if (at_ == 0) return;
    store16(packet_, at_, update_checksum(load16(packet_, at_), from, to));
  }

  // Zero would say that there is no checksum (CSUM_MANGLED_0).
  void finish() {
    if (at_ != 0 && udp_ && load16(packet_, at_) == 0) store16(packet_, at_, 0xffff);
  }

 private:
  MutableByteView packet_;
  size_t at_ = 0;  // 0: none is carried
  bool udp_ = false;
  bool covers_addresses_ = true;
};

void rewrite_address(MutableByteView packet, PacketView& view, Side side, const IpAddress& to,
                     CarriedChecksum& checksum) {
  IpAddress& from = side == Side::kSource ? view.source : view.destination;
  checksum.address_changed(from, to);
  size_t at = side == Side::kSource ? 8 : 24;
  if (view.family == Family::kIpv4) {
    store16(packet, 10, update_checksum(load16(packet, 10), from, to));
    at = side == Side::kSource ? 12 : 16;
  }
  std::copy(to.bytes().begin(), to.bytes().end(), packet.begin() + static_cast<ptrdiff_t>(at));
  from = to;
}

void rewrite_port(MutableByteView packet, PacketView& view, Side side, uint16_t to,
                  CarriedChecksum& checksum) {
  uint16_t& from = side == Side::kSource ? view.source_port : view.destination_port;
  size_t at = view.transport_offset + (side == Side::kSource ? size_t{0} : 2);
  if (view.has_icmp) at = view.transport_offset + size_t{4};
  checksum.word_changed(from, to);
  store16(packet, at, to);
  from = to;
  if (view.has_icmp) view.source_port = view.destination_port = to;
}

// sctp_manip_pkt() recomputes the CRC over all that follows, even in a quote that is cut short.
void renew_sctp_checksum(MutableByteView packet, const PacketView& view) {
  const size_t end = end_of(packet, view);
  if (view.transport_offset + size_t{12} > end) return;
  PacketView available = view;
  available.total_length = static_cast<uint16_t>(end);
  available.is_fragment = false;
  if (const auto crc = transport_checksum(packet, available)) {
    store32(packet, view.transport_offset + size_t{8}, *crc);
  }
}

void rewrite(MutableByteView packet, PacketView& view, Side side, const SocketAddress& to) {
  CarriedChecksum checksum(packet, view);
  rewrite_address(packet, view, side, to.address, checksum);
  if (view.has_ports) rewrite_port(packet, view, side, to.port, checksum);
  checksum.finish();
  if (view.protocol == kSctp && view.has_ports) renew_sctp_checksum(packet, view);
}

}  // namespace

void rewrite_source(MutableByteView packet, PacketView& view, const SocketAddress& to) {
  rewrite(packet, view, Side::kSource, to);
}

void rewrite_destination(MutableByteView packet, PacketView& view, const SocketAddress& to) {
  rewrite(packet, view, Side::kDestination, to);
}

void decrement_ttl(MutableByteView packet, PacketView& view) {
  if (view.family == Family::kIpv6) {
    --packet[7];
  } else {
    const uint16_t from = load16(packet, 8);
    --packet[8];
    store16(packet, 10, update_checksum(load16(packet, 10), from, load16(packet, 8)));
  }
  --view.ttl;
}

}  // namespace kubeproof
