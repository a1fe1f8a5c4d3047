// Flows that something has to be remembered of, as a number. Bounded: of very many, the oldest are
// forgotten.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "replay/compare/flow_key.h"

namespace kubeproof {

class FlowMarks {
 public:
  explicit FlowMarks(size_t capacity) : capacity_(capacity) {}

  // The first mark of a flow stays.
  void add(const FlowKey& flow, size_t mark);
  // 0: none.
  size_t find(const FlowKey& flow) const;

 private:
  size_t capacity_;
  std::unordered_map<FlowKey, size_t> marks_;
  std::deque<FlowKey> order_;
};

}  // namespace kubeproof
