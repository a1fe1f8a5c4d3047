// Removes flows from the programs' maps, all entries of each. The programs themselves remove flows
// that they come across when their time is over; this finds the others, while they run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "datapath/bpf/flow_abi.h"
#include "model/result.h"

struct bpf_map;

namespace kubeproof::control {

// Descriptors.
struct FlowMaps {
  int flows = -1;
  int partners = -1;
};

// Told of each flow under the tuple of its first packet.
using FlowPredicate = std::function<bool(const abi::tuple&, const abi::flow&)>;

// One walk over the table, whatever the programs do to it in the meantime. `now`: nanoseconds of
// the datapath's clock. How many entries went.
size_t remove_flows(const FlowMaps& maps, uint64_t now, const FlowPredicate& is_over);

// Empties a map that the programs write.
void clear(const bpf_map& map);
// An array of one entry per processor becomes zero.
void clear_of_processors(const bpf_map& map);

}  // namespace kubeproof::control
