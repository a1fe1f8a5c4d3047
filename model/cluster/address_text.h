// Addresses and prefixes as the Kubernetes API tolerates them (k8s.io/utils/net, ParseIPSloppy and
// ParseCIDRSloppy): leading zeros of an IPv4 octet are decimal, and an IPv4-mapped IPv6 address is
// the IPv4 address.
#pragma once

#include <optional>
#include <string_view>

#include "model/packet/address.h"

namespace kubeproof {

std::optional<IpAddress> parse_sloppy_address(std::string_view text);

// Whether Services and endpoints may have it: the API server takes neither the unspecified address
// nor one of link-local multicast (224.0.0.0/24, ff02::/16) for them.
bool may_be_served(const IpAddress& address);

// Without the blanks around it, which the API lets pass around a source range.
std::string_view without_blanks_around(std::string_view text);

// ADDRESS/LENGTH; the length is required.
std::optional<Cidr> parse_sloppy_cidr(std::string_view text);

}  // namespace kubeproof
