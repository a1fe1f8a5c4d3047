// Writes to several maps that stand or fall together: what was written is taken back, in reverse,
// unless it is committed. Every single write is there for packets as it happens; what keeps them
// from a half-written service is that it is about a state that none of them goes by yet. The kernel
// may refuse to take a write back, too, where it has no memory. What then is left harms no packet
// as long as none goes by that state, and stays to be taken back.
#pragma once

#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "datapath/control/bpf_map.h"

namespace kubeproof::control {

// Called after each write; tests send packets from it.
using WriteObserver = std::function<void()>;

// The maps outlive it.
class MapTransaction {
 public:
  explicit MapTransaction(const WriteObserver& observer) : observer_(observer) {}
  MapTransaction(const MapTransaction&) = delete;
  MapTransaction& operator=(const MapTransaction&) = delete;
  ~MapTransaction() { std::ignore = take_back(); }

  // A key that is not there yet.
  template <class Key, class Value>
  Result<void> insert(const BpfMap<Key, Value>& map, const Key& key, const Value& value) {
    if (auto written = map.put(key, value, BPF_NOEXIST); !written) return written;
    return done([&map, key] { return map.erase(key); });
  }

  template <class Key, class Value>
  Result<void> replace(const BpfMap<Key, Value>& map, const Key& key, const Value& before,
                       const Value& after) {
    if (auto written = map.put(key, after, BPF_EXIST); !written) return written;
    return done([&map, key, before] { return map.put(key, before); });
  }

  template <class Key, class Value>
  Result<void> erase(const BpfMap<Key, Value>& map, const Key& key, const Value& before) {
    if (auto erased = map.erase(key); !erased) return erased;
    return done([&map, key, before] { return map.put(key, before); });
  }

  void commit() { undo_.clear(); }
  bool empty() const { return undo_.empty(); }

  // As far as it goes; another call goes on from there.
  Result<void> take_back() {
    for (; !undo_.empty(); undo_.pop_back()) {
      if (auto undone = undo_.back()(); !undone) return undone;
    }
    return {};
  }

 private:
  using Undo = std::function<Result<void>()>;

  Result<void> done(Undo undo) {
    undo_.push_back(std::move(undo));
    if (observer_) observer_();
    return {};
  }

  const WriteObserver& observer_;
  std::vector<Undo> undo_;
};

}  // namespace kubeproof::control
