#include "replay/engine/flow_roster.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_compat.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

namespace kubeproof {
namespace {

FlowIdentity identity_in(const nlmsghdr* message) {
  const auto* generic = static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message));
  FlowIdentity identity;
  identity.family = generic->nfgen_family == AF_INET ? Family::kIpv4 : Family::kIpv6;
  for_each_attribute(message, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) != CTA_TUPLE_ORIG) return;
    const auto* bytes = static_cast<const uint8_t*>(mnl_attr_get_payload(attribute));
    identity.tuple.assign(bytes, bytes + mnl_attr_get_payload_len(attribute));
  });
  return identity;
}

}  // namespace

Result<FlowRoster> FlowRoster::open() {
  auto socket = NetlinkSocket::open();
  if (!socket) return tl::unexpected(socket.error());
  for (const int group : {NFNLGRP_CONNTRACK_NEW, NFNLGRP_CONNTRACK_DESTROY}) {
    auto joined = socket->join(group);
    if (!joined) return tl::unexpected(joined.error());
  }
  return FlowRoster(std::move(*socket));
}

Result<bool> FlowRoster::update() {
  while (true) {
    auto datagram = socket_.receive(lost_);
    if (!datagram) return tl::unexpected(datagram.error());
    if (datagram->empty()) return !lost_;
    int left = static_cast<int>(datagram->size());
    for (const auto* message = reinterpret_cast<const nlmsghdr*>(datagram->data());
         mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      if ((message->nlmsg_type & 0xff) == IPCTNL_MSG_CT_NEW) flows_.insert(identity_in(message));
      if ((message->nlmsg_type & 0xff) == IPCTNL_MSG_CT_DELETE) flows_.erase(identity_in(message));
    }
  }
}

void FlowRoster::renew(std::set<FlowIdentity> flows) {
  flows_ = std::move(flows);
  lost_ = false;
}

}  // namespace kubeproof
