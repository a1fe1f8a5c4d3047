// Rules that are not understood: matches of other people's modules. Whether such a rule matches is
// nobody's guess here; the walk goes both ways. A packet that comes to the same either way is not
// concerned; for any other the verdict is unknown.
#include <algorithm>
#include <cmath>
#include <utility>

#include "model/netfilter/chain_walk.h"

namespace kubeproof::netfilter {
namespace {

// Ways double with every such rule that jumps; a packet that meets more is given up on.
constexpr size_t kMostUnknownRules = 64;

bool same_end(const WalkEnd& a, const WalkEnd& b) {
  constexpr double kRounding = 1e-12;
  return a.verdict == b.verdict && a.mark == b.mark && a.nat == b.nat && a.changes == b.changes &&
         std::abs(a.probability - b.probability) < kRounding;
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
        std::swap_ranges(ends_.begin() + static_cast<ptrdiff_t>(first),
                         ends_.begin() + static_cast<ptrdiff_t>(middle),
                         ends_.begin() + static_cast<ptrdiff_t>(middle));
        end_count_ = middle;
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
  return std::equal(ends_.begin() + static_cast<ptrdiff_t>(first),
                    ends_.begin() + static_cast<ptrdiff_t>(middle),
                    ends_.begin() + static_cast<ptrdiff_t>(middle),
                    ends_.begin() + static_cast<ptrdiff_t>(end_count_), same_end);
}

}  // namespace kubeproof::netfilter
