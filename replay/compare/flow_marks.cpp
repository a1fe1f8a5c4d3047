#include "replay/compare/flow_marks.h"

namespace kubeproof {

void FlowMarks::add(const FlowKey& flow, size_t mark) {
  if (!marks_.try_emplace(flow, mark).second) return;
  order_.push_back(flow);
  if (order_.size() <= capacity_) return;
  marks_.erase(order_.front());
  order_.pop_front();
}

size_t FlowMarks::find(const FlowKey& flow) const {
  const auto found = marks_.find(flow);
  return found == marks_.end() ? 0 : found->second;
}

}  // namespace kubeproof
