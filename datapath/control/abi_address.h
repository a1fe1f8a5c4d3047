// Between userspace's addresses and those of the maps.
#pragma once

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "datapath/bpf/tuple_abi.h"
#include "model/packet/address.h"

namespace kubeproof::control {

inline abi::address to_abi(const IpAddress& address) {
  abi::address result{};
  std::memcpy(result.words, address.bytes().data(), address.bytes().size());
  return result;
}

inline uint8_t to_abi(Family family) {
  return static_cast<uint8_t>(family);
}

inline IpAddress from_abi(const abi::address& address, uint8_t family) {
  std::array<uint8_t, 16> bytes{};
  std::memcpy(bytes.data(), address.words, bytes.size());
  return family == abi::FAMILY_IPV4 ? IpAddress::v4(std::span<const uint8_t, 4>(bytes.data(), 4))
                                    : IpAddress::v6(bytes);
}

}  // namespace kubeproof::control
