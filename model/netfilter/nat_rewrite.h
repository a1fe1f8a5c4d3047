// What NAT does to the bytes of a packet, once it is decided.
#pragma once

#include "model/netfilter/connection.h"
#include "model/netfilter/hook.h"
#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof::netfilter {

// Applies the half of the translation that belongs to the hook to a packet of the connection
// (nf_nat_packet()): in the reply direction the source hooks undo what DNAT did, and the
// destination hooks what SNAT did.
void translate(MutableByteView packet, PacketView& view, const Connection& connection,
               Direction direction, Hook hook);

// The same for an ICMP error about the connection: the packet that it quotes, and its own addresses
// (nf_nat_icmp_reply_translation(), nf_nat_icmpv6_reply_translation()). False where the error is to
// be dropped.
[[nodiscard]] bool translate_icmp_error(MutableByteView packet, PacketView& view,
                                        const Connection& connection, Direction direction,
                                        Hook hook);

}  // namespace kubeproof::netfilter
