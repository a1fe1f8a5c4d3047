// Packets as one line for people, in the manner of tcpdump.
#include <fmt/format.h>

#include "model/packet/packet_view.h"
#include "model/packet/protocol_name.h"

namespace kubeproof {
namespace {

std::string tcp_flag_letters(uint8_t flags) {
  constexpr std::string_view kLetters = "FSRP.UEW";  // from bit 0 up; '.' is ACK, as tcpdump has it
  std::string letters;
  for (size_t bit = 0; bit < kLetters.size(); ++bit) {
    if ((flags >> bit & 1) != 0) letters += kLetters[bit];
  }
  return letters.empty() ? "none" : letters;
}

std::string_view icmp_name(uint8_t type) {
  switch (type) {
    case 0:
      return "echo reply";
    case 3:
      return "destination unreachable";
    case 5:
      return "redirect";
    case 8:
      return "echo request";
    case 11:
      return "time exceeded";
    case 12:
      return "parameter problem";
    default:
      return "";
  }
}

std::string_view icmpv6_name(uint8_t type) {
  switch (type) {
    case 1:
      return "destination unreachable";
    case 2:
      return "packet too big";
    case 3:
      return "time exceeded";
    case 4:
      return "parameter problem";
    case 128:
      return "echo request";
    case 129:
      return "echo reply";
    case 133:
      return "router solicitation";
    case 134:
      return "router advertisement";
    case 135:
      return "neighbour solicitation";
    case 136:
      return "neighbour advertisement";
    default:
      return "";
  }
}

std::string describe_icmp(ByteView packet, const PacketView& view) {
  const bool v6 = view.protocol == kIcmpv6;
  const std::string_view name = v6 ? icmpv6_name(view.icmp_type) : icmp_name(view.icmp_type);
  std::string text = v6 ? "ICMPv6" : "ICMP";
  if (name.empty()) {
    text += fmt::format(" type {} code {}", view.icmp_type, view.icmp_code);
  } else {
    text += fmt::format(" {}", name);
  }
  if (view.has_ports) text += fmt::format(" id {}", view.source_port);
  if (is_icmp_error(view)) {
    const auto message = packet.first(view.total_length).subspan(view.transport_offset);
    text += fmt::format(" code {}", view.icmp_code);
    if (const auto quoted = parse_quoted_packet(message.subspan(kIcmpHeaderSize))) {
      text += fmt::format(" about {} > {}", quoted->source_endpoint().to_string(),
                          quoted->destination_endpoint().to_string());
    }
  }
  return text;
}

std::string describe_transport(ByteView packet, const PacketView& view) {
  if (view.has_icmp) return describe_icmp(packet, view);
  std::string name = protocol_name(view.protocol);
  if (view.protocol != kTcp || !view.has_ports) return name;
  return fmt::format("{} [{}]", name, tcp_flag_letters(view.tcp_flags));
}

}  // namespace

std::string describe_packet(ByteView packet) {
  const auto parsed = parse_packet(packet);
  if (!parsed) return fmt::format("{} bytes, {}", packet.size(), to_string(parsed.error()));
  const PacketView& view = *parsed;
  const bool ports = view.has_ports && !view.has_icmp;
  std::string text =
      fmt::format("{} > {} {} ttl {} len {}",
                  ports ? view.source_endpoint().to_string() : view.source.to_string(),
                  ports ? view.destination_endpoint().to_string() : view.destination.to_string(),
                  describe_transport(packet, view), view.ttl, view.total_length);
  if (view.is_fragment) {
    text += fmt::format(" fragment id {} offset {}", view.identification, view.fragment_offset);
  }
  return text;
}

}  // namespace kubeproof
