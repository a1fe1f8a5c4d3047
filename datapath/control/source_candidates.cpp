#include "datapath/control/source_candidates.h"

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

// The kernel's default policy table for source selection (net/ipv6/addrlabel.c), longest first.
uint8_t address_label(const IpAddress& address) {
  struct Entry {
    const char* prefix;
    uint8_t label;
  };
  static constexpr Entry kPolicy[] = {
      {"::1/128", 0},   {"::ffff:0.0.0.0/96", 4}, {"::/96", 3},
      {"2001::/32", 6}, {"2001:10::/28", 7},      {"3ffe::/16", 12},
      {"2002::/16", 2}, {"fec0::/10", 11},        {"fc00::/7", 5},
  };
  for (const Entry& entry : kPolicy) {
    if (Cidr::parse(entry.prefix)->contains(address)) return entry.label;
  }
  return 1;
}

// Host scope (127.0.0.1) never leaves the node; a link-local IPv6 address does not leave its link.
bool may_leave(const InterfaceAddress& own) {
  if (own.secondary || own.scope == AddressScope::kHost || own.address.is_loopback()) return false;
  return own.address.is_v4() || !own.address.is_link_local();
}

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
          .prefix_length = address.prefix_length,
          .scope = static_cast<uint8_t>(address.scope),
          .label = address.address.is_v4() ? uint8_t{0} : address_label(address.address),
          .valid = 1};
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
