// Fragments on their way through a hook: held back, until the last one lets the whole go on
// (nf_defrag_ipv4.c, nf_defrag_ipv6_hooks.c).
#pragma once

#include "model/netfilter/fragment_queues.h"
#include "model/netfilter/packet_path.h"

namespace kubeproof::netfilter {

// False where nothing goes on. Else the path's packet is whole.
[[nodiscard]] bool defragment(PacketPath& path, const FragmentQueues& queues, Instant now);

}  // namespace kubeproof::netfilter
