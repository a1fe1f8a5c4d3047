#include "model/netfilter/save_text/protocol_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/netfilter/save_text/number_text.h"

namespace kubeproof::netfilter {
namespace {

constexpr std::array<std::pair<std::string_view, uint8_t>, 35> kProtocols = {{
    {"all", 0},    {"ip", 0},      {"icmp", 1},        {"igmp", 2},        {"ipencap", 4},
    {"ipip", 94},  {"tcp", 6},     {"egp", 8},         {"igp", 9},         {"udp", 17},
    {"dccp", 33},  {"ipv6", 41},   {"ipv6-route", 43}, {"ipv6-frag", 44},  {"rsvp", 46},
    {"gre", 47},   {"esp", 50},    {"ipv6-crypt", 50}, {"ah", 51},         {"ipv6-auth", 51},
    {"skip", 57},  {"icmpv6", 58}, {"ipv6-icmp", 58},  {"ipv6-nonxt", 59}, {"ipv6-opts", 60},
    {"eigrp", 88}, {"ospf", 89},   {"pim", 103},       {"ipcomp", 108},    {"vrrp", 112},
    {"l2tp", 115}, {"sctp", 132},  {"mh", 135},        {"udplite", 136},   {"mobility-header", 135},
}};

}  // namespace

std::optional<uint8_t> parse_protocol(std::string_view text) {
  const auto found = std::find_if(kProtocols.begin(), kProtocols.end(),
                                  [&](const auto& each) { return each.first == text; });
  if (found != kProtocols.end()) return found->second;
  const auto number = parse_number(text);
  if (!number || *number > UINT8_MAX) return std::nullopt;
  return static_cast<uint8_t>(*number);
}

}  // namespace kubeproof::netfilter
