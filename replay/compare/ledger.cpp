#include "replay/compare/ledger.h"

#include <utility>

namespace kubeproof {

Ledger::Ledger(std::vector<Deviation> entries)
    : entries_(std::move(entries)), packets_(entries_.size(), 0) {}

const Deviation* Ledger::take(const Disagreeing& disagreeing) {
  for (size_t i = 0; i < entries_.size(); ++i) {
    if (!entries_[i].covers(disagreeing)) continue;
    ++packets_[i];
    return &entries_[i];
  }
  return nullptr;
}

std::vector<Ledger::Count> Ledger::counts() const {
  std::vector<Count> counts;
  counts.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) counts.push_back({&entries_[i], packets_[i]});
  return counts;
}

}  // namespace kubeproof
