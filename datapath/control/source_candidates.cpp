#include "datapath/control/source_candidates.h"

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

// Host scope (127.0.0.1) never leaves the node; a link-local IPv6 address does not leave its link.
bool may_leave(const InterfaceAddress& own) {
  if (own.secondary || own.scope == AddressScope::kHost || own.address.is_loopback()) return false;
  return own.address.is_v4() || !own.address.is_link_local();
}

// The prefix length of an IPv4 address of another interface: no next hop is in its subnet.
constexpr uint8_t kLent = 255;

class CandidateList {
 public:
  explicit CandidateList(abi::source_candidate (&candidates)[SOURCE_CANDIDATES])
      : candidates_(candidates) {
    for (abi::source_candidate& candidate : candidates_) candidate = {};
  }

  void add(const Interface& interface, Family family, bool own) {
    for (const InterfaceAddress& address : interface.addresses) {
      if (address.address.family() != family || !may_leave(address)) continue;
      // Another interface's address must be good beyond its link.
      if (!own && address.scope == AddressScope::kLink) continue;
      if (count_ == SOURCE_CANDIDATES) return;
      candidates_[count_++] = {
          .address = to_abi(address.address),
          .prefix_length = own || !address.address.is_v4() ? address.prefix_length : kLent,
          .scope = static_cast<uint8_t>(address.scope),
          .valid = 1,
          .zero = 0};
    }
  }

  bool empty() const { return count_ == 0; }

 private:
  abi::source_candidate (&candidates_)[SOURCE_CANDIDATES];
  size_t count_ = 0;
};

}  // namespace

void fill_source_candidates(const World& world, const Interface& out, Family family,
                            abi::source_candidate (&candidates)[SOURCE_CANDIDATES]) {
  CandidateList list(candidates);
  list.add(out, family, true);
  if (!list.empty()) return;
  for (const Interface& other : world.interfaces) {
    if (other.index != out.index) list.add(other, family, false);
  }
}

}  // namespace kubeproof::control
