// What the stack refuses because of IP options, or does to them, whatever the packet's destination.
#pragma once

#include <optional>

#include "model/node/ip_stack.h"

namespace kubeproof {

// net/ipv4/ip_options.c __ip_options_compile() and ip_input.c ip_rcv_options(): lengths, and source
// routes, which net.ipv4.conf.all.accept_source_route forbids by default.
std::optional<StackFailure> refuse_ipv4_options(ByteView packet);

// The same look at options clears what stands behind the option that ends them, and leaves the
// header's checksum as it is until the packet is forwarded (ip_forward_options()). Whether anything
// changed.
bool clear_bytes_behind_ipv4_options(MutableByteView packet);
bool has_bytes_behind_ipv4_options(ByteView packet);

// net/ipv6/exthdrs.c ipv6_parse_hopopts(): lengths, padding, and options that the node does not
// know and that ask for being refused. `packet` holds as many bytes as its header says.
std::optional<StackFailure> refuse_hop_by_hop_options(ByteView packet);

}  // namespace kubeproof
