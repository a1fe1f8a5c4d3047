// Numbers found by a hash: open addressing, eight bytes an entry, so that a look-up in a large
// table costs one cache line. It holds no keys: whoever looks up says which of the numbers with the
// same hash is the right one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace kubeproof::netfilter {

class HashIndex {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The first number inserted with this hash that is the right one, or kNone.
  template <class IsIt>  // bool(uint32_t number)
  uint32_t find(uint64_t hash, IsIt is_it) const {
    if (entries_.empty()) return kNone;
    const uint32_t tag = tag_of(hash);
    for (size_t at = home(tag); entries_[at].number != kNone; at = next(at)) {
      if (entries_[at].tag == tag && is_it(entries_[at].number)) return entries_[at].number;
    }
    return kNone;
  }

  // One number may be there several times.
  void insert(uint64_t hash, uint32_t number) {
    if ((count_ + 1) * 2 > entries_.size()) grow();
    place({tag_of(hash), number});
    ++count_;
  }

  // One of the entries with this hash and number; nothing happens where there is none.
  void erase(uint64_t hash, uint32_t number) {
    if (entries_.empty()) return;
    const uint32_t tag = tag_of(hash);
    size_t at = home(tag);
    while (entries_[at].number != kNone &&
           (entries_[at].tag != tag || entries_[at].number != number)) {
      at = next(at);
    }
    if (entries_[at].number == kNone) return;
    close_gap(at);
    --count_;
  }

 private:
  struct Entry {
    uint32_t tag = 0;
    uint32_t number = kNone;
  };

  static uint32_t tag_of(uint64_t hash) { return static_cast<uint32_t>(hash ^ hash >> 32); }
  size_t home(uint32_t tag) const { return tag & (entries_.size() - 1); }
  size_t next(size_t at) const { return (at + 1) & (entries_.size() - 1); }

  void place(const Entry& entry) {
    size_t at = home(entry.tag);
    while (entries_[at].number != kNone) at = next(at);
    entries_[at] = entry;
  }

  void grow() {
    const std::vector<Entry> old =
        std::exchange(entries_, std::vector<Entry>(entries_.empty() ? 64 : entries_.size() * 2));
    for (const Entry& entry : old) {
      if (entry.number != kNone) place(entry);
    }
  }

  // Entries behind the gap move up where that is nearer to their home, in their order.
  void close_gap(size_t gap) {
    const size_t mask = entries_.size() - 1;
    for (size_t at = next(gap); entries_[at].number != kNone; at = next(at)) {
      const size_t distance = (at - home(entries_[at].tag)) & mask;
      if (distance < ((at - gap) & mask)) continue;
      entries_[gap] = entries_[at];
      gap = at;
    }
    entries_[gap] = {};
  }

  std::vector<Entry> entries_;  // a power of two of them, or none; at most half in use
  size_t count_ = 0;
};

}  // namespace kubeproof::netfilter
