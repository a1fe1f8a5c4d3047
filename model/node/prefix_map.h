// Values by prefix, found by longest match: a hash table for each length that occurs, so that a
// look-up does not grow with the number of prefixes.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof {

template <class Value>
class PrefixMap {
 public:
  // Values of one prefix are kept apart, in the order of `precedes` and then of their coming.
  template <class Precedes>  // bool(const Value&, const Value&)
  void add(const Cidr& prefix, Value value, Precedes precedes) {
    auto& values = length_of(prefix).values[prefix.base()];
    values.insert(std::upper_bound(values.begin(), values.end(), value, precedes),
                  std::move(value));
  }

  // The first usable value of the longest prefix that has one; null where there is none.
  template <class Usable>  // bool(const Value&)
  const Value* find(const IpAddress& address, Usable usable) const {
    for (const Length& length : lengths_[address.is_v4() ? 0 : 1]) {
      const auto found = length.values.find(Cidr(address, length.bits).base());
      if (found == length.values.end()) continue;
      const auto value = std::find_if(found->second.begin(), found->second.end(), usable);
      if (value != found->second.end()) return &*value;
    }
    return nullptr;
  }
  const Value* find(const IpAddress& address) const {
    return find(address, [](const Value&) { return true; });
  }

  // The values of exactly the prefix that holds one address.
  const std::vector<Value>* at_host(const IpAddress& address) const {
    const auto& lengths = lengths_[address.is_v4() ? 0 : 1];
    if (lengths.empty() || lengths.front().bits != Cidr::host(address).prefix_length()) {
      return nullptr;
    }
    const auto found = lengths.front().values.find(address);
    return found == lengths.front().values.end() ? nullptr : &found->second;
  }

 private:
  struct Length {
    uint8_t bits = 0;
    std::unordered_map<IpAddress, std::vector<Value>> values;
  };

  Length& length_of(const Cidr& prefix) {
    auto& lengths = lengths_[prefix.family() == Family::kIpv4 ? 0 : 1];
    const uint8_t bits = prefix.prefix_length();
    auto at = std::find_if(lengths.begin(), lengths.end(),
                           [bits](const Length& each) { return each.bits <= bits; });
    if (at == lengths.end() || at->bits != bits) {
      at = lengths.emplace(at);
      at->bits = bits;
    }
    return *at;
  }

  std::array<std::vector<Length>, 2> lengths_;  // IPv4, IPv6; the longest first
};

}  // namespace kubeproof
