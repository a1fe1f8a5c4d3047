// Rules that are not understood: matches of other people's modules. Whether such a rule matches is
// nobody's guess here; the walk goes both ways. A packet that comes to the same either way is not
// concerned; for any other the verdict is unknown.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>

#include "model/netfilter/chain_walk.h"

namespace kubeproof::netfilter {
namespace {

// Ways double with every such rule behind which both go on. A packet that meets more is given up.
constexpr size_t kMostUnknownRules = 1024;

// Of the ends that are the same as this one but for their probability, how probable they are.
double probability_of(const WalkEnd& like, std::span<const WalkEnd> among) {
  double sum = 0;
  for (const WalkEnd& end : among) {
    const bool same = end.verdict == like.verdict && end.mark == like.mark && end.nat == like.nat &&
                      end.changes == like.changes;
    if (same) sum += end.probability;
  }
  return sum;
}

bool all_in(std::span<const WalkEnd> ends, std::span<const WalkEnd> others) {
  constexpr double kRounding = 1e-9;
  return std::all_of(ends.begin(), ends.end(), [&](const WalkEnd& end) {
    return std::abs(probability_of(end, ends) - probability_of(end, others)) < kRounding;
  });
}

}  // namespace

void ChainWalk::follow_both(const CompiledRule& rule, Unknown unknown) {
  const size_t first = end_count_;
  // Where it stays open: the branch as it came to the rule, with the rule in its trace.
  Branch undecided = unknown.otherwise;
  undecided.trace = current_.trace;
  if (++unknown_rules_ <= kMostUnknownRules) {
    if (unknown.rest == Tested::kHotDrop) {
      end(Verdict::kDrop);
    } else if (unknown.rest == Tested::kNo || act(rule)) {
      follow();
    }
    drain(unknown.open_count);
    const size_t middle = end_count_;
    if (!any_unknown(first)) {
      current_ = std::move(unknown.otherwise);
      follow();
      drain(unknown.open_count);
      if (same_ends(first, middle)) {
        // Those of the second way, whose trace does not have the rule.
        const auto at = [this](size_t i) { return ends_.begin() + static_cast<ptrdiff_t>(i); };
        std::rotate(at(first), at(middle), at(end_count_));
        end_count_ -= middle - first;
        return;
      }
    }
  }
  end_count_ = first;
  open_count_ = unknown.open_count;
  current_ = std::move(undecided);
  end(Verdict::kUnknown);
}

bool ChainWalk::any_unknown(size_t first) const {
  return std::any_of(ends_.begin() + static_cast<ptrdiff_t>(first),
                     ends_.begin() + static_cast<ptrdiff_t>(end_count_),
                     [](const WalkEnd& end) { return end.verdict == Verdict::kUnknown; });
}

bool ChainWalk::same_ends(size_t first, size_t middle) const {
  const std::span<const WalkEnd> all(ends_.data(), end_count_);
  const auto one = all.subspan(first, middle - first);
  const auto other = all.subspan(middle);
  return all_in(one, other) && all_in(other, one);
}

}  // namespace kubeproof::netfilter
