#include "datapath/control/flow_removal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cstddef>
#include <unordered_set>
#include <vector>

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

size_t remove_flows(int flows, uint64_t now, const FlowPredicate& is_over) {
  // Keys first: a walk that loses the key on which it stands would start anew.
  std::unordered_set<uint64_t> alive;
  std::unordered_set<uint64_t> over;
  std::vector<Entry> others;
  std::vector<abi::tuple> stale;
  abi::tuple tuple{};
  const abi::tuple* at = nullptr;
  for (; bpf_map_get_next_key(flows, at, &tuple) == 0; at = &tuple) {
    abi::flow flow{};
    if (bpf_map_lookup_elem(flows, &tuple, &flow) != 0) continue;
    if (flow.role != abi::FLOW_ORIGINAL) {
      others.push_back({tuple, flow.id, flow.created});
    } else if (is_over(tuple, flow)) {
      over.insert(flow.id);
      stale.push_back(tuple);
    } else {
      alive.insert(flow.id);
    }
  }
  // What holds the state goes last, as the programs do it.
  std::vector<abi::tuple> first;
  for (const Entry& entry : others) {
    const bool lost = !alive.contains(entry.id) && entry.created + kBeingEntered <= now;
    if (over.contains(entry.id) || lost) first.push_back(entry.tuple);
  }
  for (const abi::tuple& key : first) bpf_map_delete_elem(flows, &key);
  for (const abi::tuple& key : stale) bpf_map_delete_elem(flows, &key);
  return first.size() + stale.size();
}

void clear(const bpf_map& map) {
  using Key = std::vector<std::byte>;
  const int fd = bpf_map__fd(&map);
  std::vector<Key> keys;
  Key key(bpf_map__key_size(&map));
  const void* at = nullptr;
  for (; bpf_map_get_next_key(fd, at, key.data()) == 0; at = key.data()) keys.push_back(key);
  for (const Key& each : keys) bpf_map_delete_elem(fd, each.data());
}

}  // namespace kubeproof::control
