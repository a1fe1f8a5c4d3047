#include "model/netfilter/rule_index.h"

#include <algorithm>
#include <map>

namespace kubeproof::netfilter {
namespace {

// Below this, walking the chain is as fast.
constexpr size_t kWorthIndexing = 8;

}  // namespace

RuleIndex::RuleIndex(std::span<const IndexKey> rules) {
  const auto indexable =
      std::count_if(rules.begin(), rules.end(), [](const IndexKey& key) { return key.parts != 0; });
  if (static_cast<size_t>(indexable) < kWorthIndexing) return;

  // Rules whose keys differ may share a hash, and then a bucket: they are all tested in full.
  std::map<uint64_t, std::vector<uint32_t>> grouped;
  for (uint32_t number = 0; number < rules.size(); ++number) {
    const IndexKey& key = rules[number];
    grouped[hash(key, key.parts)].push_back(number);
    if (std::find(signatures_.begin(), signatures_.end(), key.parts) == signatures_.end()) {
      signatures_.push_back(key.parts);
    }
  }
  numbers_.reserve(rules.size());
  buckets_.reserve(grouped.size());
  for (const auto& [key, numbers] : grouped) {
    const auto begin = static_cast<uint32_t>(numbers_.size());
    numbers_.insert(numbers_.end(), numbers.begin(), numbers.end());
    buckets_.emplace(key, Bucket{begin, static_cast<uint32_t>(numbers_.size())});
  }
}

uint32_t RuleIndex::next(const IndexKey& packet, uint32_t from) const {
  uint32_t best = kEnd;
  for (const uint8_t parts : signatures_) {
    const auto bucket = buckets_.find(hash(packet, parts));
    if (bucket == buckets_.end()) continue;
    const auto begin = numbers_.begin() + bucket->second.begin;
    const auto end = numbers_.begin() + bucket->second.end;
    const auto number = std::lower_bound(begin, end, from);
    if (number != end) best = std::min(best, *number);
  }
  return best;
}

uint64_t RuleIndex::hash(const IndexKey& key, uint8_t parts) {
  constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c15ULL;
  const auto mix = [](uint64_t value) {
    value *= kMultiplier;
    return value ^ (value >> 32);
  };
  uint64_t mixed = parts;
  if ((parts & IndexKey::kDestination) != 0) {
    mixed = mix(mixed ^ key.destination.high);
    mixed = mix(mixed ^ key.destination.low);
  }
  if ((parts & IndexKey::kProtocol) != 0) mixed = mix(mixed ^ key.protocol);
  if ((parts & IndexKey::kPort) != 0) mixed = mix(mixed ^ key.port);
  return mix(mixed);
}

}  // namespace kubeproof::netfilter
