// Values by prefix, found by longest match. Addresses fall into stretches between the bounds of
// prefixes, each stretch with its innermost prefix: a look-up is a binary search and then goes
// outward only as far as values are not usable.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <tuple>
#include <utility>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof {

template <class Value>
class PrefixMap {
 public:
  struct Item {
    Cidr prefix;
    Value value;
  };

  PrefixMap() = default;
  // Values of one prefix are kept apart, in the order of `precedes` and then of their coming.
  template <class Precedes>  // bool(const Value&, const Value&)
  PrefixMap(std::vector<Item> items, Precedes precedes) {
    std::stable_sort(items.begin(), items.end(), [&](const Item& a, const Item& b) {
      // What encloses comes before what it encloses.
      return a.prefix != b.prefix ? a.prefix < b.prefix : precedes(a.value, b.value);
    });
    for (Item& item : items) {
      if (nodes_.empty() || nodes_.back().prefix != item.prefix) open(item.prefix);
      nodes_.back().values.push_back(std::move(item.value));
    }
    while (innermost_ != kNone) close();
  }

  // The first usable value of the longest prefix that has one; null where there is none.
  template <class Usable>  // bool(const Value&)
  const Value* find(const IpAddress& address, Usable usable) const {
    for (uint32_t at = innermost(address); at != kNone; at = nodes_[at].enclosing) {
      const auto& values = nodes_[at].values;
      const auto value = std::find_if(values.begin(), values.end(), usable);
      if (value != values.end()) return &*value;
    }
    return nullptr;
  }
  const Value* find(const IpAddress& address) const {
    return find(address, [](const Value&) { return true; });
  }

  // The values of exactly the prefix that holds one address.
  const std::vector<Value>* at_host(const IpAddress& address) const {
    const uint32_t at = innermost(address);
    const bool is_host = at != kNone && nodes_[at].prefix == Cidr::host(address);
    return is_host ? &nodes_[at].values : nullptr;
  }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Node {
    Cidr prefix;
    uint32_t enclosing = kNone;
    std::vector<Value> values;
  };
  // Of one family, in order: from each start on to the next one, this is the innermost prefix.
  struct Stretches {
    std::vector<IpAddress::Position> starts;
    std::vector<uint32_t> nodes;

    void begin(const IpAddress::Position& start, uint32_t node) {
      if (!starts.empty() && starts.back() == start) {
        nodes.back() = node;
        return;
      }
      starts.push_back(start);
      nodes.push_back(node);
    }
  };

  Stretches& stretches_of(Family family) { return stretches_[family == Family::kIpv4 ? 0 : 1]; }

  uint32_t innermost(const IpAddress& address) const {
    const Stretches& stretches = stretches_[address.is_v4() ? 0 : 1];
    const auto behind =
        std::upper_bound(stretches.starts.begin(), stretches.starts.end(), address.position());
    const auto index = std::distance(stretches.starts.begin(), behind);
    return index == 0 ? kNone : stretches.nodes[static_cast<size_t>(index) - 1];
  }

  void open(const Cidr& prefix) {
    while (innermost_ != kNone && !nodes_[innermost_].prefix.contains(prefix.base())) close();
    const auto node = static_cast<uint32_t>(nodes_.size());
    nodes_.push_back({.prefix = prefix, .enclosing = innermost_, .values = {}});
    innermost_ = node;
    stretches_of(prefix.family()).begin(prefix.base().position(), node);
  }

  void close() {
    const Node& node = nodes_[innermost_];
    innermost_ = node.enclosing;
    const auto behind = node.prefix.position_behind();
    if (behind) stretches_of(node.prefix.family()).begin(*behind, innermost_);
  }

  std::vector<Node> nodes_;
  std::array<Stretches, 2> stretches_;  // IPv4, IPv6
  uint32_t innermost_ = kNone;          // while the map is made
};

}  // namespace kubeproof
