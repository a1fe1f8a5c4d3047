#include "model/node/source_address.h"

#include <algorithm>
#include <bit>
#include <tuple>

namespace kubeproof {
namespace {

bool is_candidate(const InterfaceAddress& address) {
  return address.address.is_v4() && !address.secondary;
}

// Narrower scopes have higher numbers.
bool within(AddressScope address, AddressScope wanted) {
  return address <= wanted;
}

// The address that an interface offers on behalf of another one (in_dev_select_addr). A link-scope
// address serves its own link only.
const InterfaceAddress* lend_address(const Interface& interface, AddressScope scope) {
  for (const InterfaceAddress& address : interface.addresses) {
    if (is_candidate(address) && address.scope != AddressScope::kLink &&
        within(address.scope, scope)) {
      return &address;
    }
  }
  return nullptr;
}

int common_prefix(const IpAddress& a, const IpAddress& b) {
  const auto left = a.bytes();
  const auto right = b.bytes();
  for (size_t i = 0; i < left.size(); ++i) {
    const auto difference = static_cast<uint8_t>(left[i] ^ right[i]);
    if (difference != 0) return static_cast<int>(i * 8) + std::countl_zero(difference);
  }
  return static_cast<int>(left.size() * 8);
}

bool has_prefix(const IpAddress& address, std::initializer_list<uint8_t> prefix, int length) {
  std::array<uint8_t, 16> bytes{};
  std::copy(prefix.begin(), prefix.end(), bytes.begin());
  return common_prefix(address, IpAddress::v6(bytes)) >= length;
}

// RFC 4007 scopes as the kernel numbers them for this purpose: ::1 counts as link-local, and the
// unspecified address has a scope below all others (net/ipv6/addrconf_core.c, addrconf.h).
int ipv6_scope(const IpAddress& address) {
  constexpr int kInvalid = -1, kLinkLocal = 0x2, kSiteLocal = 0x5, kGlobal = 0xe;
  if (address.is_unspecified()) return kInvalid;
  if (address.is_multicast()) return address.bytes()[1] & 0xf;
  if (address.is_link_local() || address.is_loopback()) return kLinkLocal;
  if (has_prefix(address, {0xfe, 0xc0}, 10)) return kSiteLocal;
  return kGlobal;
}

bool is_orchid(const IpAddress& address) {
  return has_prefix(address, {0x20, 0x01, 0x00, 0x10}, 28);
}

// net/ipv6/addrlabel.c, the table that a namespace starts with; most specific first.
int ipv6_label(const IpAddress& address) {
  if (address.is_loopback()) return 0;
  if (has_prefix(address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96)) return 4;
  if (has_prefix(address, {}, 96)) return 3;
  if (has_prefix(address, {0x20, 0x01}, 32)) return 6;
  if (is_orchid(address)) return 7;
  if (has_prefix(address, {0x3f, 0xfe}, 16)) return 12;
  if (has_prefix(address, {0x20, 0x02}, 16)) return 2;
  if (has_prefix(address, {0xfe, 0xc0}, 10)) return 11;
  if (has_prefix(address, {0xfc}, 7)) return 5;
  return 1;
}

// Loopback, IPv4-mapped and IPv4-compatible addresses never count as deprecated
// (net/ipv6/addrconf.c ipv6_saddr_preferred()).
bool is_preferred(const InterfaceAddress& candidate) {
  return !candidate.deprecated || has_prefix(candidate.address, {}, 96) ||
         has_prefix(candidate.address, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96);
}

// The rules of RFC 6724, section 5, in their order; greater is better.
auto rank(const InterfaceAddress& candidate, bool on_outgoing_interface,
          const IpAddress& destination) {
  const IpAddress& address = candidate.address;
  const int scope = ipv6_scope(address);
  return std::tuple(address == destination,
                    // Smallest sufficient scope first, then the largest insufficient one.
                    scope >= ipv6_scope(destination) ? -scope : scope - 128,
                    is_preferred(candidate), on_outgoing_interface,
                    ipv6_label(address) == ipv6_label(destination),
                    is_orchid(address) == is_orchid(destination),
                    std::min<int>(common_prefix(address, destination), candidate.prefix_length));
}

}  // namespace

std::optional<IpAddress> select_ipv4_source(const World& world, const Interface& out,
                                            std::optional<IpAddress> next_hop, AddressScope scope) {
  // With route_localnet a host-scope address counts as a link-scope one, on this interface only.
  const AddressScope narrowest =
      world.sysctls.route_localnet ? AddressScope::kLink : AddressScope::kHost;
  const InterfaceAddress* fallback = nullptr;
  for (const InterfaceAddress& address : out.addresses) {
    if (!is_candidate(address) || !within(std::min(address.scope, narrowest), scope)) continue;
    if (!next_hop || address.subnet().contains(*next_hop)) {
      return address.address;
    }
    if (fallback == nullptr) fallback = &address;
  }
  if (fallback != nullptr) return fallback->address;
  for (const Interface& other : world.interfaces) {
    if (const InterfaceAddress* lent = lend_address(other, scope)) return lent->address;
  }
  return std::nullopt;
}

std::optional<IpAddress> select_ipv6_source(const World& world, const Interface& out,
                                            const IpAddress& destination) {
  constexpr int kLinkLocalScope = 0x2;
  const bool only_outgoing =
      destination.is_multicast() || ipv6_scope(destination) <= kLinkLocalScope;
  const InterfaceAddress* best = nullptr;
  decltype(rank(*best, false, destination)) best_rank;
  for (const Interface& interface : world.interfaces) {
    const bool outgoing = &interface == &out;
    if (only_outgoing && !outgoing) continue;
    for (const InterfaceAddress& candidate : interface.addresses) {
      if (candidate.address.is_v4()) continue;
      const auto candidate_rank = rank(candidate, outgoing, destination);
      if (best == nullptr || candidate_rank > best_rank) {
        best = &candidate;
        best_rank = candidate_rank;
      }
    }
  }
  return best == nullptr ? std::nullopt : std::optional(best->address);
}

}  // namespace kubeproof
