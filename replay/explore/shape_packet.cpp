#include "replay/explore/shape_packet.h"

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"

namespace kubeproof::explore {
namespace {

constexpr size_t kIpv6HeaderSize = 40;
constexpr uint16_t kLargestHostPayload = 1000;

void add_ipv4_options(Options options, PacketBuilder& builder) {
  constexpr uint8_t kNop[] = {1, 1, 1, 0};
  constexpr uint8_t kAlert[] = {148, 4, 0, 0};
  constexpr uint8_t kExperiment[] = {94, 4, 0xab, 0xcd};  // RFC 4727
  constexpr uint8_t kPastTheEnd[] = {94, 40, 0, 0};
  switch (options) {
    case Options::kNone:
      break;
    case Options::kPadding:
      builder.ip_options(kNop);
      break;
    case Options::kRouterAlert:
      builder.ip_options(kAlert);
      break;
    case Options::kUnknown:
      builder.ip_options(kExperiment);
      break;
    case Options::kBroken:
      builder.ip_options(kPastTheEnd);
  }
}

void add_ipv6_extensions(Options options, PacketBuilder& builder) {
  constexpr uint8_t kHopByHop = 0;
  constexpr uint8_t kDestinationOptions = 60;
  constexpr uint8_t kPadN[] = {1, 4, 0, 0, 0, 0};
  constexpr uint8_t kAlert[] = {5, 2, 0, 0, 1, 0};
  constexpr uint8_t kExperiment[] = {0x1e, 4, 0, 0, 0, 0};  // RFC 4727: skip where unknown
  constexpr uint8_t kPastTheEnd[] = {1, 40, 0, 0, 0, 0};
  switch (options) {
    case Options::kNone:
      break;
    case Options::kPadding:
      builder.extension(kHopByHop, kPadN);
      break;
    case Options::kRouterAlert:
      builder.extension(kHopByHop, kAlert);
      break;
    case Options::kUnknown:
      builder.extension(kDestinationOptions, kExperiment);
      break;
    case Options::kBroken:
      builder.extension(kHopByHop, kPastTheEnd);
  }
}

void add_drawn_options(const std::vector<Bytes>& drawn, Family family, PacketBuilder& builder) {
  constexpr size_t kMostOfIpv4 = 40;
  constexpr uint8_t kHopByHop = 0;
  Bytes options;
  for (const Bytes& option : drawn) options.insert(options.end(), option.begin(), option.end());
  if (family == Family::kIpv6) {
    builder.extension(kHopByHop, options);
  } else {
    options.resize(std::min(options.size(), kMostOfIpv4));
    builder.ip_options(options);
  }
}

}  // namespace

void cut(const PacketShape& shape, Bytes& packet) {
  const auto view = parse_packet(packet);
  const size_t length = view ? view->transport_offset + size_t{shape.cut_to} : 0;
  if (shape.cut_to == 0 || length == 0 || length >= packet.size()) return;
  packet.resize(length);
  if (shape.cut_silently) return;
  if (view->family == Family::kIpv6) {
    store16(packet, 4, static_cast<uint16_t>(length - kIpv6HeaderSize));
    return;
  }
  const uint16_t before = load16(packet, 2);
  store16(packet, 2, static_cast<uint16_t>(length));
  store16(packet, 10, update_checksum(load16(packet, 10), before, load16(packet, 2)));
}

void spoil(const PacketShape& shape, std::vector<Bytes>& fragments) {
  if (fragments.size() < 2) return;
  const auto one = fragments.begin() + static_cast<ptrdiff_t>(shape.payload % fragments.size());
  if (shape.fragment_fault == FragmentFault::kOneMissing) fragments.erase(one);
  if (shape.fragment_fault == FragmentFault::kOneTwice) fragments.insert(one, Bytes(*one));
}

void apply(const PacketShape& shape, Family family, PacketBuilder& builder) {
  if (!shape.drawn_options.empty()) {
    add_drawn_options(shape.drawn_options, family, builder);
  } else if (family == Family::kIpv4) {
    add_ipv4_options(shape.options, builder);
  } else {
    add_ipv6_extensions(shape.options, builder);
  }
  builder.ttl(shape.ttl)
      .tos(shape.tos)
      .dont_fragment(shape.dont_fragment)
      .identification(shape.identification);
  switch (shape.defect) {
    case Defect::kNone:
      break;
    case Defect::kBadTransportChecksum:
      builder.bad_transport_checksum();
      break;
    case Defect::kBadHeaderChecksum:
      builder.bad_header_checksum();
      break;
    case Defect::kNoChecksum:
      builder.no_checksum();
      break;
  }
}

void fit_to_socket(Family family, PacketShape& shape) {
  if (family == Family::kIpv6) shape.fragment_size = 0;
  shape.first_share = 0;
  shape.fragment_fault = FragmentFault::kNone;
  shape.payload = std::min(shape.payload, kLargestHostPayload);
  if (shape.defect == Defect::kBadHeaderChecksum) shape.defect = Defect::kNone;
  shape.cut_silently = false;
}

}  // namespace kubeproof::explore
