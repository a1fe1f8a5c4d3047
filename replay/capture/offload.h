// Undoes what segmentation and checksum offload leave in captures: frames larger than the MTU are
// cut into the segments that the card or the kernel would have sent (net/ipv4/tcp_offload.c
// tcp_gso_segment(), net/ipv4/af_inet.c inet_gso_segment()), partial checksums are completed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/packet/bytes.h"
#include "model/packet/packet_view.h"

namespace kubeproof {

// Bytes of TCP payload in the packet; empty where it is not a whole TCP packet.
std::optional<uint32_t> tcp_payload_size(ByteView packet, const PacketView& view);

// Payload bytes that a segment has room for.
uint32_t segment_payload_size(ByteView packet, const PacketView& view, uint32_t mtu);

// Cuts a TCP packet before each of the given bytes of its payload, ascending and inside it. The
// IPv4 identification counts up, CWR stays with the first segment, PSH and FIN with the last;
// checksums are right.
std::vector<Bytes> cut_segments(ByteView packet, const PacketView& view,
                                std::span<const uint32_t> cuts);

// Puts the right checksum where only that of the pseudo header stood, in the packet or in the one
// that it quotes; false where none did.
bool complete_checksum(MutableByteView packet, const PacketView& view);

}  // namespace kubeproof
