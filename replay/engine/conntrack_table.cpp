#include "replay/engine/conntrack_table.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "model/packet/packet_view.h"
#include "model/packet/protocol_name.h"
#include "replay/engine/sysctl.h"

namespace kubeproof {
namespace {

constexpr uint16_t message_type(uint16_t message) {
  return NFNL_SUBSYS_CTNETLINK << 8 | message;
}

using Attributes = std::array<const nlattr*, 32>;  // by type; those that we read are below 32

Attributes nested(const nlattr* parent) {
  Attributes found{};
  if (parent == nullptr) return found;
  for_each_nested(parent, [&](const nlattr* attribute) {
    const uint16_t type = mnl_attr_get_type(attribute);
    if (type < found.size()) found[type] = attribute;
  });
  return found;
}

IpAddress address_of(const nlattr* v4, const nlattr* v6) {
  if (v4 != nullptr) {
    return IpAddress::v4(
        std::span<const uint8_t, 4>(static_cast<const uint8_t*>(mnl_attr_get_payload(v4)), 4));
  }
  if (v6 == nullptr) return {};
  return IpAddress::v6(
      std::span<const uint8_t, 16>(static_cast<const uint8_t*>(mnl_attr_get_payload(v6)), 16));
}

uint16_t number_of(const nlattr* attribute) {
  return attribute == nullptr ? 0 : ntohs(mnl_attr_get_u16(attribute));
}

FlowTuple read_tuple(const nlattr* attribute, uint8_t& protocol) {
  const Attributes parts = nested(attribute);
  const Attributes ip = nested(parts[CTA_TUPLE_IP]);
  const Attributes transport = nested(parts[CTA_TUPLE_PROTO]);
  if (transport[CTA_PROTO_NUM] != nullptr) protocol = mnl_attr_get_u8(transport[CTA_PROTO_NUM]);
  FlowTuple tuple;
  tuple.source.address = address_of(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC]);
  tuple.destination.address = address_of(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST]);
  const nlattr* identifier = transport[CTA_PROTO_ICMP_ID] != nullptr
                                 ? transport[CTA_PROTO_ICMP_ID]
                                 : transport[CTA_PROTO_ICMPV6_ID];
  if (identifier != nullptr) {
    tuple.source.port = tuple.destination.port = number_of(identifier);
  } else {
    tuple.source.port = number_of(transport[CTA_PROTO_SRC_PORT]);
    tuple.destination.port = number_of(transport[CTA_PROTO_DST_PORT]);
  }
  return tuple;
}

// A simultaneous open may wait by a timeout that no setting shows (SYN_SENT2), or still by that of
// its first SYN. `left` is in real seconds.
uint32_t stretch_of(const std::optional<uint8_t>& tcp_state, uint32_t left) {
  constexpr uint32_t kSynSent2 = 120;
  return tcp_state == TCP_CONNTRACK_SYN_SENT2 && left <= kSynSent2 ? 1 : kTimeoutStretch;
}

TrackedFlow read_flow(const nlmsghdr* message) {
  const auto* generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
  TrackedFlow flow;
  flow.family = generic->nfgen_family == AF_INET ? Family::kIpv4 : Family::kIpv6;
  for_each_attribute(message, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case CTA_TUPLE_ORIG: {
        flow.original = read_tuple(attribute, flow.protocol);
        const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
        flow.identity.assign(bytes, bytes + mnl_attr_get_payload_len(attribute));
        break;
      }
      case CTA_TUPLE_REPLY:
        flow.reply = read_tuple(attribute, flow.protocol);
        break;
      case CTA_TIMEOUT:
        flow.seconds_left = ntohl(mnl_attr_get_u32(attribute));
        break;
      case CTA_PROTOINFO: {
        const Attributes protocols = nested(attribute);
        const nlattr* tcp = nested(protocols[CTA_PROTOINFO_TCP])[CTA_PROTOINFO_TCP_STATE];
        const nlattr* sctp = nested(protocols[CTA_PROTOINFO_SCTP])[CTA_PROTOINFO_SCTP_STATE];
        if (tcp != nullptr) flow.tcp_state = mnl_attr_get_u8(tcp);
        if (sctp != nullptr) flow.sctp_state = mnl_attr_get_u8(sctp);
        break;
      }
      case CTA_STATUS:
        flow.status = ntohl(mnl_attr_get_u32(attribute));
        break;
      default:
        break;
    }
  });
  flow.stretch = stretch_of(flow.tcp_state, flow.seconds_left);
  flow.seconds_left = (flow.seconds_left + flow.stretch - 1) / flow.stretch;
  return flow;
}

uint8_t socket_family(Family family) {
  return family == Family::kIpv4 ? AF_INET : AF_INET6;
}

void put_identity(NetlinkRequest& request, const Bytes& tuple) {
  mnl_attr_put(request.header(), CTA_TUPLE_ORIG | NLA_F_NESTED, tuple.size(), tuple.data());
}

NetlinkRequest removal(const TrackedFlow& flow) {
  NetlinkRequest request(message_type(IPCTNL_MSG_CT_DELETE), NLM_F_ACK, socket_family(flow.family));
  put_identity(request, flow.identity);
  return request;
}

NetlinkRequest new_timeout(const TrackedFlow& flow, uint32_t seconds) {
  NetlinkRequest request(message_type(IPCTNL_MSG_CT_NEW), NLM_F_ACK, socket_family(flow.family));
  put_identity(request, flow.identity);
  mnl_attr_put_u32(request.header(), CTA_TIMEOUT, htonl(seconds * flow.stretch));
  return request;
}

// A timeout that the kernel cannot count to so stretched becomes a shorter one, of days still.
Result<void> write_stretched(const std::string& name, uint64_t seconds) {
  uint64_t stretched = seconds * kTimeoutStretch;
  auto written = write_sysctl(name, std::to_string(stretched));
  while (!written && stretched > seconds) {
    stretched /= 2;
    written = write_sysctl(name, std::to_string(stretched));
  }
  return written;
}

}  // namespace

std::string TrackedFlow::describe() const {
  return fmt::format("{} {} > {}, replies {} > {}, {} s left", protocol_name(protocol),
                     original.source.to_string(), original.destination.to_string(),
                     reply.source.to_string(), reply.destination.to_string(), seconds_left);
}

Result<void> stretch_conntrack_timeouts() {
  const std::filesystem::path folder = "/proc/sys/net/netfilter";
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    // Fragments wait for their datagram in queues, which are not aged.
    if (name.find("_timeout") == std::string::npos || name.find("frag") != std::string::npos) {
      continue;
    }
    uint64_t seconds = 0;
    std::ifstream(entry.path()) >> seconds;
    auto written = write_stretched("netfilter/" + name, seconds);
    if (!written) return written;
  }
  if (error) return environment_error("{}: {}", folder.string(), error.message());
  return {};
}

Result<ConntrackTable> ConntrackTable::open() {
  auto socket = NetlinkSocket::open();
  if (!socket) return tl::unexpected(socket.error());
  auto roster = FlowRoster::open();
  if (!roster) return tl::unexpected(roster.error());
  const auto timeout = read_sysctl("netfilter/nf_conntrack_udp_timeout");
  if (!timeout) return tl::unexpected(timeout.error());
  const auto seconds = static_cast<uint32_t>(std::strtoul(timeout->c_str(), nullptr, 10));
  return ConntrackTable(std::move(*socket), std::move(*roster), seconds / kTimeoutStretch);
}

Result<std::vector<TrackedFlow>> ConntrackTable::dump() {
  std::vector<TrackedFlow> flows;
  NetlinkRequest request(message_type(IPCTNL_MSG_CT_GET), 0, AF_UNSPEC);
  auto dumped =
      socket_.dump(request, [&](const nlmsghdr* message) { flows.push_back(read_flow(message)); });
  if (!dumped) return tl::unexpected(dumped.error());
  return flows;
}

Result<std::vector<TrackedFlow>> ConntrackTable::list() {
  const auto complete = roster_.update();
  if (!complete) return tl::unexpected(complete.error());
  if (!*complete) {
    auto flows = dump();
    if (!flows) return flows;
    std::set<FlowIdentity> known;
    for (const TrackedFlow& flow : *flows) known.insert({flow.family, flow.identity});
    roster_.renew(std::move(known));
    return flows;
  }
  std::vector<NetlinkRequest> requests;
  requests.reserve(roster_.flows().size());
  for (const FlowIdentity& flow : roster_.flows()) {
    put_identity(
        requests.emplace_back(message_type(IPCTNL_MSG_CT_GET), 0, socket_family(flow.family)),
        flow.tuple);
  }
  // What ended meanwhile is answered with an error.
  std::vector<TrackedFlow> flows;
  flows.reserve(requests.size());
  auto asked = socket_.ask_all(requests, [&](size_t, const nlmsghdr* answer) {
    if (answer->nlmsg_type != NLMSG_ERROR) flows.push_back(read_flow(answer));
  });
  if (!asked) return tl::unexpected(asked.error());
  return flows;
}

Result<void> ConntrackTable::age(uint32_t seconds) {
  auto flows = list();
  if (!flows) return tl::unexpected(flows.error());
  std::vector<NetlinkRequest> requests;
  requests.reserve(flows->size());
  std::set<FlowIdentity> aged;
  for (const TrackedFlow& flow : *flows) {
    FlowIdentity identity{flow.family, flow.identity};
    uint32_t left = flow.seconds_left;
    if (flow.protocol == kUdp && !aged_.contains(identity)) left = std::min(left, udp_timeout_);
    if (left <= seconds) {
      requests.push_back(removal(flow));
    } else {
      requests.push_back(new_timeout(flow, left - seconds));
      aged.insert(std::move(identity));
    }
  }
  aged_ = std::move(aged);
  return change_all(requests);
}

Result<void> ConntrackTable::remove_if(const std::function<bool(const TrackedFlow&)>& condemned) {
  auto flows = list();
  if (!flows) return tl::unexpected(flows.error());
  std::vector<NetlinkRequest> requests;
  for (const TrackedFlow& flow : *flows) {
    if (condemned(flow)) requests.push_back(removal(flow));
  }
  return change_all(requests);
}

Result<void> ConntrackTable::change_all(std::vector<NetlinkRequest>& requests) {
  int error = 0;
  auto asked = socket_.ask_all(requests, [&](size_t, const nlmsghdr* answer) {
    const auto* said = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer));
    const int refused = answer->nlmsg_type == NLMSG_ERROR ? -said->error : EPROTO;
    if (refused != 0 && refused != ENOENT) error = refused;
  });
  if (!asked) return asked;
  if (error != 0) return environment_error("changing a tracked flow: {}", std::strerror(error));
  return {};
}

}  // namespace kubeproof
