// Which rules of a chain could match a packet at all. kube-proxy's dispatch chains hold a rule for
// each service, nearly all of which ask for one destination address, one protocol and one port, in
// any combination; rules that ask for the same kinds of things are found by one hash look-up. What
// the look-ups give is a superset of the rules that match, and the chain's order is kept.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof::netfilter {

// What a rule asks for, or a packet has, as far as the index knows it.
struct IndexKey {
  enum Part : uint8_t { kDestination = 1, kProtocol = 2, kPort = 4 };
  uint8_t parts = 0;
  IpAddress::Words destination;
  uint8_t protocol = 0;
  uint16_t port = 0;
};

class RuleIndex {
 public:
  static constexpr uint32_t kEnd = UINT32_MAX;

  RuleIndex() = default;
  // One key for each rule of the chain, in its order. Chains that gain nothing get no index.
  explicit RuleIndex(std::span<const IndexKey> rules);

  bool empty() const { return buckets_.empty(); }

  // The first rule from number `from` on that could match a packet with all the parts of `packet`;
  // kEnd if none.
  uint32_t next(const IndexKey& packet, uint32_t from) const;

 private:
  struct Bucket {
    uint32_t begin;
    uint32_t end;  // into numbers_
  };
  static uint64_t hash(const IndexKey& key, uint8_t parts);

  std::vector<uint8_t> signatures_;  // the combinations of parts that occur
  std::unordered_map<uint64_t, Bucket> buckets_;
  std::vector<uint32_t> numbers_;  // of rules, ascending within a bucket
};

}  // namespace kubeproof::netfilter
