#include "model/packet/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace kubeproof {

std::string_view to_string(Family family) {
  return family == Family::kIpv4 ? "IPv4" : "IPv6";
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1 &&
      terminated.size() == text.size()) {
    return v4(std::span<const uint8_t, 4>(bytes.data(), 4));
  }
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return v6(bytes);
  return bad_input("'{}' is not an IP address", text);
}

IpAddress IpAddress::v4(uint32_t host_order) {
  const std::array<uint8_t, 4> bytes = {
      static_cast<uint8_t>(host_order >> 24), static_cast<uint8_t>(host_order >> 16),
      static_cast<uint8_t>(host_order >> 8), static_cast<uint8_t>(host_order)};
  return v4(bytes);
}

IpAddress IpAddress::v4(std::span<const uint8_t, 4> network_order) {
  IpAddress address;
  std::copy(network_order.begin(), network_order.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::v6(std::span<const uint8_t, 16> network_order) {
  IpAddress address;
  address.family_ = Family::kIpv6;
  std::copy(network_order.begin(), network_order.end(), address.bytes_.begin());
  return address;
}

IpAddress IpAddress::unspecified(Family family) {
  IpAddress address;
  address.family_ = family;
  return address;
}

uint32_t IpAddress::v4_host_order() const {
  return static_cast<uint32_t>(bytes_[0]) << 24 | static_cast<uint32_t>(bytes_[1]) << 16 |
         static_cast<uint32_t>(bytes_[2]) << 8 | bytes_[3];
}

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return bytes_[15] == 1 &&
         std::all_of(bytes_.begin(), bytes_.end() - 1, [](uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes_[0] == 169 && bytes_[1] == 254;
  return bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

bool IpAddress::is_limited_broadcast() const {
  return is_v4() && v4_host_order() == 0xffffffff;
}

std::string IpAddress::to_string() const {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text.data(), text.size());
  return text.data();
}

Cidr::Cidr(const IpAddress& address, uint8_t prefix_length) : prefix_length_(prefix_length) {
  std::array<uint8_t, 16> bytes{};
  std::copy(address.bytes().begin(), address.bytes().end(), bytes.begin());
  const size_t whole = prefix_length / 8;
  if (whole < bytes.size()) {
    bytes[whole] &= static_cast<uint8_t>(~(0xff >> (prefix_length % 8)));
    std::fill(bytes.begin() + whole + 1, bytes.end(), uint8_t{0});
  }
  base_ = address.is_v4() ? IpAddress::v4(std::span<const uint8_t, 4>(bytes.data(), 4))
                          : IpAddress::v6(bytes);
}

Result<Cidr> Cidr::parse(std::string_view text) {
  const size_t slash = text.find('/');
  auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return bad_input("'{}' is not a CIDR (ADDRESS/LENGTH)", text);
  if (slash == std::string_view::npos) return host(*address);
  unsigned length = 0;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc() || end != digits.data() + digits.size() ||
      length > address->bytes().size() * 8) {
    return bad_input("'{}' is not a CIDR: '{}' is not a prefix length", text, digits);
  }
  return Cidr(*address, static_cast<uint8_t>(length));
}

Cidr Cidr::host(const IpAddress& address) {
  return {address, static_cast<uint8_t>(address.bytes().size() * 8)};
}

bool Cidr::contains(const IpAddress& address) const {
  if (address.family() != family()) return false;
  const auto mine = base_.bytes();
  const auto other = address.bytes();
  const size_t whole = prefix_length_ / 8;
  if (!std::equal(mine.begin(), mine.begin() + whole, other.begin())) return false;
  const unsigned rest = prefix_length_ % 8;
  return rest == 0 || (mine[whole] ^ other[whole]) >> (8 - rest) == 0;
}

std::optional<IpAddress::Position> Cidr::position_behind() const {
  IpAddress::Position behind = base_.position();
  const unsigned host_bits = (base_.is_v4() ? 32U : 128U) - prefix_length_;
  const unsigned bit = host_bits + (base_.is_v4() ? 96 : 0);  // of the size, from the lowest
  if (bit == 128) return std::nullopt;
  uint64_t carry = bit >= 64 ? uint64_t{1} << (bit - 64) : 0;
  if (bit < 64) {
    behind.low += uint64_t{1} << bit;
    carry = behind.low == 0 ? 1 : 0;  // the base is a multiple of the size
  }
  behind.high += carry;
  const bool wrapped = carry != 0 && behind.high == 0;
  return wrapped ? std::nullopt : std::optional(behind);
}

std::string Cidr::to_string() const {
  return fmt::format("{}/{}", base_.to_string(), prefix_length_);
}

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  std::string_view host = text;
  const size_t colon = text.rfind(':');
  const bool bracketed = text.starts_with('[');
  if (colon == std::string_view::npos || (bracketed && text[colon - 1] != ']')) {
    return bad_input("'{}' is not ADDRESS:PORT ([ADDRESS]:PORT for IPv6)", text);
  }
  host = bracketed ? text.substr(1, colon - 2) : text.substr(0, colon);
  const std::string_view digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error == std::errc::result_out_of_range) {
    return bad_input("'{}': expected a port from 0 to {}, found {}", text, UINT16_MAX, digits);
  }
  auto address = IpAddress::parse(host);
  if (!address || error != std::errc() || end != digits.data() + digits.size() ||
      address->is_v4() == bracketed) {
    return bad_input("'{}' is not ADDRESS:PORT ([ADDRESS]:PORT for IPv6)", text);
  }
  return SocketAddress{*address, port};
}

std::string SocketAddress::to_string() const {
  return address.is_v4() ? fmt::format("{}:{}", address.to_string(), port)
                         : fmt::format("[{}]:{}", address.to_string(), port);
}

}  // namespace kubeproof
