#include "model/netfilter/save_text/protocol_names.h"

#include <algorithm>
#include <array>
#include <utility>

#include "model/netfilter/save_text/number_text.h"

namespace kubeproof::netfilter {
namespace {

constexpr std::array<std::pair<std::string_view, uint8_t>, 63> kProtocols = {{
    {"all", 0},
    {"ip", 0},
    {"hopopt", 0},
    {"icmp", 1},
    {"igmp", 2},
    {"ggp", 3},
    {"ipencap", 4},
    {"ipv4", 4},
    {"st", 5},
    {"tcp", 6},
    {"egp", 8},
    {"igp", 9},
    {"pup", 12},
    {"udp", 17},
    {"hmp", 20},
    {"xns-idp", 22},
    {"rdp", 27},
    {"iso-tp4", 29},
    {"dccp", 33},
    {"xtp", 36},
    {"ddp", 37},
    {"idpr-cmtp", 38},
    {"ipv6", 41},
    {"ipv6-route", 43},
    {"ipv6-frag", 44},
    {"idrp", 45},
    {"rsvp", 46},
    {"gre", 47},
    {"esp", 50},
    {"ipv6-crypt", 50},
    {"ah", 51},
    {"ipv6-auth", 51},
    {"skip", 57},
    {"icmpv6", 58},
    {"ipv6-icmp", 58},
    {"ipv6-nonxt", 59},
    {"ipv6-opts", 60},
    {"rspf", 73},
    {"vmtp", 81},
    {"eigrp", 88},
    {"ospf", 89},
    {"ax.25", 93},
    {"ipip", 94},
    {"etherip", 97},
    {"encap", 98},
    {"pim", 103},
    {"ipcomp", 108},
    {"vrrp", 112},
    {"l2tp", 115},
    {"isis", 124},
    {"sctp", 132},
    {"fc", 133},
    {"mh", 135},
    {"ipv6-mh", 135},
    {"mobility-header", 135},
    {"udplite", 136},
    {"mpls-in-ip", 137},
    {"manet", 138},
    {"hip", 139},
    {"shim6", 140},
    {"wesp", 141},
    {"rohc", 142},
    {"ethernet", 143},
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
