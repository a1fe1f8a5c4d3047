// Flows that are out of step since a divergence, and which one that was. Bounded: of very many, the
// oldest are forgotten, and what they do then counts as news.
#pragma once

#include <cstddef>
#include <deque>
#include <unordered_map>

#include "replay/compare/flow_key.h"

namespace kubeproof {

class TaintedFlows {
 public:
  explicit TaintedFlows(size_t capacity = 65536) : capacity_(capacity) {}

  // The first divergence of a flow is the one that counts.
  void add(const FlowKey& flow, size_t divergence);
  // 0: in step.
  size_t find(const FlowKey& flow) const;

 private:
  size_t capacity_;
  std::unordered_map<FlowKey, size_t> divergence_of_;
  std::deque<FlowKey> order_;
};

}  // namespace kubeproof
