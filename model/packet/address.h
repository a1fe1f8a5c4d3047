// IP addresses, prefixes and transport endpoints of both families. Bytes are in network order,
// ports in host order.
#pragma once

#include <endian.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "model/result.h"

namespace kubeproof {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

// "IPv4" or "IPv6", as EndpointSlice.addressType spells them.
std::string_view to_string(Family family);

class IpAddress {
 public:
  // The unspecified address 0.0.0.0.
  constexpr IpAddress() = default;

  // Strict text forms (RFC 4291, dotted quad); an IPv4-mapped IPv6 address stays IPv6.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(uint32_t host_order);
  static IpAddress v4(std::span<const uint8_t, 4> network_order);
  static IpAddress v6(std::span<const uint8_t, 16> network_order);
  static IpAddress unspecified(Family family);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kIpv4; }
  // 4 or 16 bytes, network order.
  std::span<const uint8_t> bytes() const { return {bytes_.data(), is_v4() ? size_t{4} : 16}; }
  // IPv4 only.
  uint32_t v4_host_order() const;

  bool is_unspecified() const {
    const auto [high, low] = words();
    return (high | low) == 0;
  }
  bool is_loopback() const;  // 127.0.0.0/8 or ::1
  // 224.0.0.0/4 or ff00::/8
  bool is_multicast() const { return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff; }
  bool is_link_local() const;  // 169.254.0.0/16 or fe80::/10
  // 255.255.255.255.
  bool is_limited_broadcast() const;

  // Canonical text (RFC 5952 for IPv6).
  std::string to_string() const;

  // Where the address stands among those of its family: a number of 128 bits, whose upper ones an
  // IPv4 address has, so that prefixes of both families are stretches alike.
  struct Position {
    uint64_t high = 0;
    uint64_t low = 0;

    friend auto operator<=>(const Position&, const Position&) = default;
  };
  Position position() const {
    const auto [high, low] = words();
    return {be64toh(high), be64toh(low)};
  }

  // As two words, in this machine's byte order: packets are looked up by their addresses several
  // times each.
  struct Words {
    uint64_t high = 0;
    uint64_t low = 0;

    friend bool operator==(const Words& a, const Words& b) {
      return ((a.high ^ b.high) | (a.low ^ b.low)) == 0;
    }
  };
  Words words() const {
    Words words;
    std::memcpy(&words.high, bytes_.data(), 8);
    std::memcpy(&words.low, bytes_.data() + 8, 8);
    return words;
  }

  // All of IPv4 comes first.
  friend std::strong_ordering operator<=>(const IpAddress& a, const IpAddress& b) {
    if (a.family_ != b.family_) return a.family_ <=> b.family_;
    return a.position() <=> b.position();
  }
  friend bool operator==(const IpAddress& a, const IpAddress& b) {
    return a.words() == b.words() && a.family_ == b.family_;
  }
  size_t hash() const {
    // Multiply-xorshift mixing (the finaliser of MurmurHash3).
    const auto [high, low] = words();
    uint64_t mixed = (high ^ (low * 0x9e3779b97f4a7c15ULL)) + static_cast<uint64_t>(family_);
    mixed = (mixed ^ (mixed >> 33)) * 0xff51afd7ed558ccdULL;
    return mixed ^ (mixed >> 33);
  }

 private:
  // IPv4 in the first four, the rest zero. Copied as words, as they are compared.
  alignas(uint64_t) std::array<uint8_t, 16> bytes_{};
  Family family_ = Family::kIpv4;
};

// A prefix with the host bits cleared.
class Cidr {
 public:
  constexpr Cidr() = default;  // 0.0.0.0/0
  Cidr(const IpAddress& address, uint8_t prefix_length);

  // "ADDR/LEN"; a bare address is a host prefix.
  static Result<Cidr> parse(std::string_view text);
  static Cidr host(const IpAddress& address);

  const IpAddress& base() const { return base_; }
  uint8_t prefix_length() const { return prefix_length_; }
  Family family() const { return base_.family(); }
  bool contains(const IpAddress& address) const;
  // The first position behind the prefix; none where it holds the last address of all.
  std::optional<IpAddress::Position> position_behind() const;
  std::string to_string() const;  // always with the length

  friend auto operator<=>(const Cidr&, const Cidr&) = default;

 private:
  IpAddress base_;
  uint8_t prefix_length_ = 0;
};

// A transport endpoint; `port` in host order.
struct SocketAddress {
  IpAddress address;
  uint16_t port = 0;

  // "10.0.0.1:80" or "[fd00::1]:80", as kube-proxy writes endpoint identifiers.
  static Result<SocketAddress> parse(std::string_view text);
  std::string to_string() const;

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace kubeproof

template <>
struct std::hash<kubeproof::IpAddress> {
  size_t operator()(const kubeproof::IpAddress& address) const { return address.hash(); }
};
