// Removes flows from the programs' map, all entries of each. The programs themselves remove flows
// that they come across when their time is over; this finds the others.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "datapath/bpf/flow_abi.h"
#include "model/result.h"

struct bpf_map;

namespace kubeproof::control {

// Told of each flow under the tuple of its first packet.
using FlowPredicate = std::function<bool(const abi::tuple&, const abi::flow&)>;

// `flows`: descriptor of the map; `now`: nanoseconds of the datapath's clock. How many entries
// went, those of flows that lost their state among them.
size_t remove_flows(int flows, uint64_t now, const FlowPredicate& is_over);

// Empties a map that the programs write.
void clear(const bpf_map& map);

}  // namespace kubeproof::control
