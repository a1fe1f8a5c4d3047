// Lets time pass for the lists of the `recent` match, through /proc/net/xt_recent
// (net/netfilter/xt_recent.c).
//
// Stamps there cannot be moved, only addresses removed. So the age of every address is kept here,
// and an address older than its list's rules look back is removed, which to these rules is the
// same. Left out: rules that later look back further would have found it again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "model/result.h"

namespace kubeproof {

class RecentLists {
 public:
  // In the namespace that the calling thread is in. `timeouts`: by the name of a list, how long its
  // rules look back.
  Result<void> age(uint32_t seconds, const std::map<std::string, uint32_t>& timeouts);

 private:
  // The kernel's, and the place of the next one: its clock ticks slowly, and an entry may
  // be set anew within the tick.
  using Stamp = std::pair<uint64_t, uint64_t>;
  struct Seen {
    Stamp stamp;
    uint64_t age = 0;  // virtual seconds since then
  };
  Result<void> age_list(const std::string& list, uint32_t timeout, uint32_t seconds);

  std::map<std::pair<std::string, std::string>, Seen> seen_;  // by list and address
};

}  // namespace kubeproof
