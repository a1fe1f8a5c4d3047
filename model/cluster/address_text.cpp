#include "model/cluster/address_text.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

namespace kubeproof {
namespace {

constexpr uint8_t kMappedPrefixLength = 96;  // ::ffff:0:0/96

// The text with "010.000.0.1" written "10.0.0.1", where it ends in a dotted quad. Groups between
// colons may have leading zeros anyway.
std::string without_leading_zeros(std::string_view text) {
  if (text.find('.') == std::string_view::npos) return std::string(text);
  const size_t quad = text.rfind(':') + 1;  // 0 where there is no colon
  std::string result(text.substr(0, quad));
  for (std::string_view rest = text.substr(quad);;) {
    const size_t dot = rest.find('.');
    std::string_view octet = rest.substr(0, dot);
    while (octet.size() > 1 && octet.front() == '0') octet.remove_prefix(1);
    result += octet;
    if (dot == std::string_view::npos) return result;
    result += '.';
    rest.remove_prefix(dot + 1);
  }
}

bool is_mapped(const IpAddress& address) {
  static constexpr uint8_t kPrefix[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return !address.is_v4() &&
         std::equal(std::begin(kPrefix), std::end(kPrefix), address.bytes().begin());
}

IpAddress unmapped(const IpAddress& address) {
  return IpAddress::v4(address.bytes().last<4>());
}

}  // namespace

std::optional<IpAddress> parse_sloppy_address(std::string_view text) {
  const auto address = IpAddress::parse(without_leading_zeros(text));
  if (!address) return std::nullopt;
  return is_mapped(*address) ? unmapped(*address) : *address;
}

bool may_be_served(const IpAddress& address) {
  static const Cidr kLinkLocal4 = *Cidr::parse("224.0.0.0/24");
  static const Cidr kLinkLocal6 = *Cidr::parse("ff02::/16");
  return !address.is_unspecified() && !kLinkLocal4.contains(address) &&
         !kLinkLocal6.contains(address);
}

std::optional<Cidr> parse_sloppy_cidr(std::string_view text) {
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto address = IpAddress::parse(without_leading_zeros(text.substr(0, slash)));
  if (!address) return std::nullopt;
  const std::string_view digits = text.substr(slash + 1);
  uint8_t length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      length > address->bytes().size() * 8) {
    return std::nullopt;
  }
  const Cidr cidr(*address, length);
  if (!is_mapped(cidr.base())) return cidr;
  return Cidr(unmapped(cidr.base()), static_cast<uint8_t>(length - kMappedPrefixLength));
}

std::string_view without_blanks_around(std::string_view text) {
  static constexpr const char* kBlanks = " \t\n\v\f\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace kubeproof
