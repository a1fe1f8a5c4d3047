// The engine's own chains of nft beside the rules under test. They decide nothing about a packet
// that kube-proxy's rules see: they show deliveries, put marks on what enters, and switch traces
// on.
#pragma once

#include <cstdint>
#include <string>

namespace kubeproof {

// Groups of NFLOG.
constexpr uint16_t kTraceGroup = 0;  // where xtables writes traces (nf_log_trace)
constexpr uint16_t kDeliveryGroup = 1;
constexpr uint16_t kSentinelGroup = 2;

// At the end of INPUT, shows every packet for the node's sockets, and ends it there, so that
// neither the stack nor a process ever answers.
//
// Its priority is that of conntrack's last hook (nf_conntrack_proto.c, ipv4_confirm), and of two
// hooks with one priority the one registered first runs last (net/netfilter/core.c,
// nf_hook_entries_grow). So it sees the packet after source NAT and after its flow is confirmed,
// provided that it is loaded before any rule that needs connection tracking.
std::string delivery_chain();

struct EntryChains {
  uint32_t mark = 0;    // given to what enters at an interface
  bool traced = false;  // xtables writes down every rule that matches
};

// At the start of PREROUTING and OUTPUT, ahead of defragmentation. Replaces earlier ones.
std::string entry_chains(const EntryChains& wanted);

}  // namespace kubeproof
