#include "datapath/control/flow_collection.h"

#include <bpf/bpf.h>

#include <unordered_set>
#include <vector>

#include "datapath/bpf/flow_abi.h"

namespace kubeproof::control {
namespace {

// A program enters a flow's other tuples first and its state last.
constexpr uint64_t kBeingEntered = 1'000'000'000;

struct Entry {
  abi::tuple tuple;
  uint64_t id;
  uint64_t created;
};

}  // namespace

Result<size_t> collect_flows(int flows, uint64_t now) {
  // Keys first: a walk that loses the key on which it stands would start anew.
  std::unordered_set<uint64_t> alive;
  std::vector<Entry> others;
  std::vector<abi::tuple> stale;
  abi::tuple tuple{};
  const abi::tuple* at = nullptr;
  for (; bpf_map_get_next_key(flows, at, &tuple) == 0; at = &tuple) {
    abi::flow flow{};
    if (bpf_map_lookup_elem(flows, &tuple, &flow) != 0) continue;
    if (flow.role != abi::FLOW_ORIGINAL) {
      others.push_back({tuple, flow.id, flow.created});
    } else if (flow.expires <= now) {
      stale.push_back(tuple);
    } else {
      alive.insert(flow.id);
    }
  }
  for (const Entry& entry : others) {
    if (!alive.contains(entry.id) && entry.created + kBeingEntered <= now) {
      stale.push_back(entry.tuple);
    }
  }
  for (const abi::tuple& key : stale) bpf_map_delete_elem(flows, &key);
  return stale.size();
}

}  // namespace kubeproof::control
