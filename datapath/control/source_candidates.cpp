#include "datapath/control/source_candidates.h"

#include <algorithm>

#include "datapath/control/abi_address.h"

namespace kubeproof::control {
namespace {

// Host scope (127.0.0.1) does not leave the node; a link-local IPv6 address is no other link's.
bool may_leave(const InterfaceAddress& own) {
  if (own.secondary || own.scope == AddressScope::kHost || own.address.is_loopback()) return false;
  return own.address.is_v4() || !own.address.is_link_local();
}

// In IPv6; the kernel's loopback address and IPv4's among it never are (ipv6_saddr_preferred()).
bool is_deprecated(const InterfaceAddress& own) {
  if (!own.deprecated) return false;
  const auto bytes = own.address.bytes();
  const bool within_ipv4 =
      std::all_of(bytes.begin(), bytes.begin() + 10, [](uint8_t byte) { return byte == 0; }) &&
      bytes[10] == bytes[11] && (bytes[10] == 0 || bytes[10] == 0xff);
  return !within_ipv4;
}

class CandidateList {
 public:
  CandidateList(Family family, abi::source_candidate (&candidates)[SOURCE_CANDIDATES])
      : family_(family), candidates_(candidates) {
    for (abi::source_candidate& candidate : candidates_) candidate = {};
  }

  void add_own(const Interface& interface) {
    for (const InterfaceAddress& address : interface.addresses) {
      if (!is_candidate(address)) continue;
      add(address, abi::CANDIDATE_OWN);
      has_preferred_ |= !is_deprecated(address);
    }
    has_own_ = is_settled_ = count_ != 0;
    for (const InterfaceAddress& address : interface.addresses) {
      if (!is_of_link(address)) continue;
      add(address, abi::CANDIDATE_OWN);
      has_own_of_link_ = true;
      is_settled_ |= !is_deprecated(address);
    }
  }

  // Those that are good beyond their link and better than the interface's own.
  void add_lent(const Interface& interface) {
    for (const InterfaceAddress& address : interface.addresses) {
      if (!is_candidate(address) || address.scope == AddressScope::kLink) continue;
      if (has_own_ && is_deprecated(address)) continue;
      add(address, abi::CANDIDATE_LENT);
      is_settled_ = true;
    }
  }

  // Of IPv6, where nothing is better: what is good on one link or within the node alone.
  void add_last_resort(const Interface& interface, abi::candidate_owner owner) {
    if (family_ != Family::kIpv6) return;
    for (const InterfaceAddress& address : interface.addresses) {
      if (address.address.is_v4() || (has_own_of_link_ && is_deprecated(address))) continue;
      add(address, owner);
      is_settled_ |= owner == abi::CANDIDATE_OWN;
    }
  }

  // Another interface's address comes after the own ones, but for deprecated ones.
  bool needs_others() const { return !has_preferred_; }
  bool needs_last_resort() const { return !is_settled_; }
  size_t count() const { return count_; }

 private:
  bool is_candidate(const InterfaceAddress& address) const {
    return address.address.family() == family_ && may_leave(address);
  }

  // Of IPv6: good for destinations on its link, and else better than none.
  bool is_of_link(const InterfaceAddress& address) const {
    return family_ == Family::kIpv6 && address.address.family() == family_ &&
           address.address.is_link_local();
  }

  void add(const InterfaceAddress& address, abi::candidate_owner owner) {
    const size_t place = count_++;
    if (place >= SOURCE_CANDIDATES) return;
    candidates_[place] = {.address = to_abi(address.address),
                          .subnet = to_abi(address.subnet().base()),
                          .prefix_length = address.prefix_length,
                          .scope = static_cast<uint8_t>(address.scope),
                          .owner = static_cast<uint8_t>(owner),
                          .deprecated = is_deprecated(address)};
  }

  const Family family_;
  abi::source_candidate (&candidates_)[SOURCE_CANDIDATES];
  size_t count_ = 0;
  bool has_own_ = false;
  bool has_preferred_ = false;
  bool has_own_of_link_ = false;
  bool is_settled_ = false;  // nobody else's address of a link, or ::1, is better
};

}  // namespace

size_t fill_source_candidates(const World& world, const Interface& out, Family family,
                              abi::source_candidate (&candidates)[SOURCE_CANDIDATES]) {
  CandidateList list(family, candidates);
  list.add_own(out);
  if (!list.needs_others()) return list.count();
  for (const Interface& other : world.interfaces) {
    if (other.index != out.index) list.add_lent(other);
  }
  if (list.count() == 0) list.add_last_resort(out, abi::CANDIDATE_OWN);
  if (!list.needs_last_resort()) return list.count();
  for (const Interface& other : world.interfaces) {
    if (other.index != out.index) list.add_last_resort(other, abi::CANDIDATE_LENT);
  }
  return list.count();
}

}  // namespace kubeproof::control
