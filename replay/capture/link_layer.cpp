#include "replay/capture/link_layer.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cstring>

namespace kubeproof {
namespace {

// NF_INET_* of <linux/netfilter.h>, which does not go with libc's headers.
constexpr uint8_t kPreRouting = 0;
constexpr uint8_t kLocalOut = 3;

using Parsed = tl::expected<LinkView, LinkFailure>;

struct LinkType {
  int number;
  std::string_view name;
  Parsed (*parse)(ByteView frame);
};

bool is_ip(uint16_t ether_type) {
  return ether_type == ETH_P_IP || ether_type == ETH_P_IPV6;
}

bool is_vlan(uint16_t ether_type) {
  return ether_type == ETH_P_8021Q || ether_type == ETH_P_8021AD;
}

// Skips VLAN tags; `at` is where what follows `ether_type` begins.
Parsed parse_ether_payload(ByteView frame, size_t at, uint16_t ether_type, LinkView view) {
  while (is_vlan(ether_type)) {
    if (frame.size() < at + 4) return tl::unexpected(LinkFailure::kTooShort);
    ether_type = load16(frame, at + 2);
    at += 4;
    view.tagged = true;
  }
  if (!is_ip(ether_type)) return tl::unexpected(LinkFailure::kNotIp);
  view.packet = frame.subspan(at);
  return view;
}

Parsed parse_ethernet(ByteView frame) {
  if (frame.size() < ETH_HLEN) return tl::unexpected(LinkFailure::kTooShort);
  LinkView view;
  view.destination.emplace();
  view.source.emplace();
  std::copy_n(frame.begin(), ETH_ALEN, view.destination->begin());
  std::copy_n(frame.begin() + ETH_ALEN, ETH_ALEN, view.source->begin());
  // Only the loopback interface has frames from and to nobody.
  view.loopback = view.source == MacAddress{} && view.destination == MacAddress{};
  return parse_ether_payload(frame, ETH_HLEN, load16(frame, 12), view);
}

Parsed parse_raw(ByteView frame) {
  if (frame.empty()) return tl::unexpected(LinkFailure::kTooShort);
  LinkView view;
  view.packet = frame;
  return view;
}

// PACKET_* of <linux/if_packet.h>, as cooked headers carry them.
Heading heading_of(uint16_t packet_type) {
  switch (packet_type) {
    case 0:  // to this host
    case 1:  // broadcast
    case 2:  // multicast
      return Heading::kEntering;
    case 4:
      return Heading::kLeaving;
    default:
      return Heading::kPassing;
  }
}

Parsed parse_cooked_v1(ByteView frame) {
  constexpr size_t kHeaderSize = 16;
  if (frame.size() < kHeaderSize) return tl::unexpected(LinkFailure::kTooShort);
  LinkView view;
  view.heading = heading_of(load16(frame, 0));
  view.loopback = load16(frame, 2) == ARPHRD_LOOPBACK;
  return parse_ether_payload(frame, kHeaderSize, load16(frame, 14), view);
}

Parsed parse_cooked_v2(ByteView frame) {
  constexpr size_t kHeaderSize = 20;
  if (frame.size() < kHeaderSize) return tl::unexpected(LinkFailure::kTooShort);
  LinkView view;
  view.interface = load32(frame, 4);
  view.loopback = load16(frame, 8) == ARPHRD_LOOPBACK;
  view.heading = heading_of(frame[10]);
  return parse_ether_payload(frame, kHeaderSize, load16(frame, 0), view);
}

// A header of four bytes, then attributes as netlink has them: length and type in the byte order of
// this machine (libpcap has seen to that), values in network order.
Parsed parse_nflog(ByteView frame) {
  constexpr size_t kHeaderSize = 4;
  if (frame.size() < kHeaderSize) return tl::unexpected(LinkFailure::kTooShort);
  LinkView view;
  std::optional<uint8_t> hook;
  std::optional<uint32_t> in_interface;
  size_t at = kHeaderSize;
  while (at + 4 <= frame.size()) {
    uint16_t length = 0;
    uint16_t type = 0;
    std::memcpy(&length, frame.data() + at, 2);
    std::memcpy(&type, frame.data() + at + 2, 2);
    if (length < 4 || at + length > frame.size()) return tl::unexpected(LinkFailure::kTooShort);
    const ByteView value = frame.subspan(at + 4, length - size_t{4});
    if (type == NFULA_PAYLOAD) view.packet = value;
    if (type == NFULA_PACKET_HDR && value.size() >= 3) hook = value[2];
    if (type == NFULA_IFINDEX_INDEV && value.size() >= 4) in_interface = load32(value, 0);
    if (type == NFULA_IFINDEX_OUTDEV && value.size() >= 4) view.interface = load32(value, 0);
    at += (length + size_t{3}) / 4 * 4;
  }
  if (view.packet.empty()) return tl::unexpected(LinkFailure::kTooShort);
  if (hook == kLocalOut) {
    view.heading = Heading::kLogged;
  } else if (hook == kPreRouting) {
    view.heading = Heading::kEntering;
    view.interface = in_interface;
  } else {
    return tl::unexpected(LinkFailure::kOtherHook);
  }
  return view;
}

constexpr std::array kLinkTypes = {
    LinkType{DLT_EN10MB, "Ethernet", parse_ethernet},
    LinkType{DLT_RAW, "raw IP", parse_raw},
    LinkType{DLT_IPV4, "raw IPv4", parse_raw},
    LinkType{DLT_IPV6, "raw IPv6", parse_raw},
    LinkType{DLT_LINUX_SLL, "Linux cooked v1", parse_cooked_v1},
    LinkType{DLT_LINUX_SLL2, "Linux cooked v2", parse_cooked_v2},
    LinkType{DLT_NFLOG, "NFLOG", parse_nflog},
};

const LinkType* find(int number) {
  const auto* const found =
      std::find_if(kLinkTypes.begin(), kLinkTypes.end(),
                   [&](const LinkType& each) { return each.number == number; });
  return found == kLinkTypes.end() ? nullptr : found;
}

}  // namespace

bool is_supported_link_type(int link_type) {
  return find(link_type) != nullptr;
}

std::string supported_link_types() {
  std::array<std::string_view, kLinkTypes.size()> names;
  std::transform(kLinkTypes.begin(), kLinkTypes.end(), names.begin(),
                 [](const LinkType& each) { return each.name; });
  return fmt::format("{}", fmt::join(names, ", "));
}

bool shows_departures(int link_type) {
  return link_type == DLT_LINUX_SLL || link_type == DLT_LINUX_SLL2;
}

bool tells_direction(int link_type) {
  return find(link_type)->parse != parse_raw;
}

bool shows_host_packets(int link_type) {
  return link_type == DLT_NFLOG;
}

Parsed parse_link(int link_type, ByteView frame) {
  return find(link_type)->parse(frame);
}

}  // namespace kubeproof
