#include "datapath/control/flow_removal.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstddef>
#include <unordered_set>
#include <utility>
#include <vector>

namespace kubeproof::control {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;
// An entry whose flow has lost its state waits for a packet that restores it, as long as a
// connection may be silent: net.netfilter.nf_conntrack_tcp_timeout_established.
constexpr uint64_t kLostFlowWaits = 432'000 * kSecond;

abi::tuple between(const abi::socket_address& source, const abi::socket_address& destination,
                   const abi::tuple& like) {
  return {.source = source.address,
          .destination = destination.address,
          .source_port = source.port,
          .destination_port = destination.port,
          .protocol = like.protocol,
          .family = like.family,
          .space = abi::TUPLE_SPACE_WIRE,
          .zero = 0};
}

// What holds the state goes last, as the programs do it. See flow_abi.h.
std::vector<abi::tuple> tuples_of(const abi::tuple& original, const abi::flow& flow) {
  std::vector<abi::tuple> tuples = {between(flow.backend, flow.source, original)};
  if ((flow.flags & abi::FLOW_SOURCE_CHANGES) != 0) {
    abi::socket_address client = flow.client;
    client.port = flow.source.port;
    for (const bool reply : {false, true}) {
      tuples.push_back(reply ? between(flow.backend, client, original)
                             : between(client, flow.backend, original));
      tuples.back().space = abi::TUPLE_SPACE_INSIDE;
    }
  }
  tuples.push_back(original);
  return tuples;
}

// Removes the entry, but not that of a flow that has come to the tuple in the meantime.
template <class Value>
bool take_out(int map, const abi::tuple& tuple, uint64_t id) {
  Value value{};
  if (bpf_map_lookup_elem(map, &tuple, &value) != 0 || value.id != id) return false;
  if (bpf_map_lookup_and_delete_elem(map, &tuple, &value) != 0) return false;
  if (value.id == id) return true;
  bpf_map_update_elem(map, &tuple, &value, BPF_NOEXIST);
  return false;
}

size_t take_out_flow(const FlowMaps& maps, const abi::tuple& original, const abi::flow& flow) {
  size_t count = 0;
  for (const abi::tuple& tuple : tuples_of(original, flow)) {
    take_out<abi::partner>(maps.partners, tuple, flow.id);
    count += take_out<abi::flow>(maps.flows, tuple, flow.id) ? 1 : 0;
  }
  return count;
}

// Bucket by bucket, so that entries that come and go do not make it begin anew.
template <class Visit>
void for_each_flow(int flows, Visit visit) {
  std::vector<abi::tuple> tuples(4096);
  std::vector<abi::flow> values(tuples.size());
  uint32_t place = 0;
  for (bool first = true, more = true; more; first = false) {
    auto count = static_cast<uint32_t>(tuples.size());
    const int error = bpf_map_lookup_batch(flows, first ? nullptr : &place, &place, tuples.data(),
                                           values.data(), &count, nullptr);
    if (error != 0 && errno == ENOSPC) {
      // A bucket with more entries than there was room for.
      tuples.resize(tuples.size() * 2);
      values.resize(tuples.size());
      continue;
    }
    if (error != 0 && errno != ENOENT) return;
    more = error == 0;
    for (uint32_t i = 0; i < count; ++i) visit(tuples[i], values[i]);
  }
}

}  // namespace

size_t remove_flows(const FlowMaps& maps, uint64_t now, const FlowPredicate& is_over) {
  std::unordered_set<uint64_t> alive;
  std::vector<std::pair<abi::tuple, uint64_t>> old;
  size_t count = 0;
  for_each_flow(maps.flows, [&](const abi::tuple& tuple, const abi::flow& flow) {
    if (flow.role != abi::FLOW_ORIGINAL) {
      if (flow.created + kLostFlowWaits <= now) old.emplace_back(tuple, flow.id);
    } else if (is_over(tuple, flow)) {
      count += take_out_flow(maps, tuple, flow);
    } else {
      alive.insert(flow.id);
    }
  });
  for (const auto& [tuple, id] : old) {
    if (alive.contains(id)) continue;
    take_out<abi::partner>(maps.partners, tuple, id);
    count += take_out<abi::flow>(maps.flows, tuple, id) ? 1 : 0;
  }
  return count;
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

void clear_of_processors(const bpf_map& map) {
  constexpr size_t kAlignment = 8;  // of each processor's value
  const size_t size = (bpf_map__value_size(&map) + kAlignment - 1) / kAlignment * kAlignment;
  const int processors = libbpf_num_possible_cpus();
  if (processors <= 0) return;
  const std::vector<std::byte> zero(size * static_cast<size_t>(processors));
  const uint32_t first = 0;
  bpf_map_update_elem(bpf_map__fd(&map), &first, zero.data(), BPF_ANY);
}

}  // namespace kubeproof::control
