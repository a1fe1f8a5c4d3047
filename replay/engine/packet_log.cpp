#include "replay/engine/packet_log.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <sys/socket.h>

#include <cstring>

namespace kubeproof {
namespace {

constexpr uint16_t kConfigure = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
constexpr uint16_t kLogged = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
constexpr uint32_t kWholePacket = 0x1ffff;

void put_command(NetlinkRequest& request, uint8_t command) {
  const nfulnl_msg_config_cmd payload{command};
  mnl_attr_put(request.header(), NFULA_CFG_CMD, sizeof(payload), &payload);
}

}  // namespace

Result<PacketLog> PacketLog::open(std::initializer_list<uint16_t> groups) {
  auto socket = NetlinkSocket::open();
  if (!socket) return tl::unexpected(socket.error());
  PacketLog log(std::move(*socket));
  for (const uint16_t group : groups) {
    auto configured = log.configure(group);
    if (!configured) return tl::unexpected(configured.error());
  }
  return log;
}

Result<void> PacketLog::configure(uint16_t group) {
  NetlinkRequest bind(kConfigure, 0, AF_UNSPEC, group);
  put_command(bind, NFULNL_CFG_CMD_BIND);
  nfulnl_msg_config_mode mode{};
  mode.copy_range = htonl(kWholePacket);
  mode.copy_mode = NFULNL_COPY_PACKET;
  mnl_attr_put(bind.header(), NFULA_CFG_MODE, sizeof(mode), &mode);
  mnl_attr_put_u32(bind.header(), NFULA_CFG_QTHRESH, htonl(1));
  auto error = socket_.transact(bind);
  if (!error) return tl::unexpected(error.error());
  if (*error != 0) {
    return environment_error("NFLOG group {}: {} (the kernel needs CONFIG_NETFILTER_NETLINK_LOG)",
                             group, std::strerror(*error));
  }
  return {};
}

Result<void> PacketLog::take_traces(Family family) {
  NetlinkRequest request(kConfigure, 0, family == Family::kIpv4 ? AF_INET : AF_INET6);
  put_command(request, NFULNL_CFG_CMD_PF_BIND);
  auto error = socket_.transact(request);
  if (!error) return tl::unexpected(error.error());
  if (*error != 0)
    return environment_error("traces of {}: {}", to_string(family), std::strerror(*error));
  return {};
}

Result<std::optional<LoggedPacket>> PacketLog::read() {
  while (true) {
    auto datagram = socket_.receive();
    if (!datagram) return tl::unexpected(datagram.error());
    if (datagram->empty()) return std::nullopt;
    const auto* message = reinterpret_cast<const nlmsghdr*>(datagram->data());
    if (!mnl_nlmsg_ok(message, static_cast<int>(datagram->size())) ||
        message->nlmsg_type != kLogged) {
      continue;
    }
    const auto* generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
    LoggedPacket logged;
    logged.group = ntohs(generic->res_id);
    for_each_attribute(message, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NFULA_PAYLOAD) {
        logged.packet = {static_cast<const uint8_t*>(mnl_attr_get_payload(attribute)),
                         mnl_attr_get_payload_len(attribute)};
      } else if (mnl_attr_get_type(attribute) == NFULA_PACKET_HDR) {
        logged.hook =
            static_cast<const nfulnl_msg_packet_hdr*>(mnl_attr_get_payload(attribute))->hook;
      } else if (mnl_attr_get_type(attribute) == NFULA_PREFIX) {
        logged.prefix = mnl_attr_get_str(attribute);
      }
    });
    return logged;
  }
}

}  // namespace kubeproof
