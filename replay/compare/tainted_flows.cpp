#include "replay/compare/tainted_flows.h"

namespace kubeproof {

void TaintedFlows::add(const FlowKey& flow, size_t divergence) {
  if (!divergence_of_.try_emplace(flow, divergence).second) return;
  order_.push_back(flow);
  if (order_.size() <= capacity_) return;
  divergence_of_.erase(order_.front());
  order_.pop_front();
}

size_t TaintedFlows::find(const FlowKey& flow) const {
  const auto found = divergence_of_.find(flow);
  return found == divergence_of_.end() ? 0 : found->second;
}

}  // namespace kubeproof
