// Raw packet bytes, from the network header on.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kubeproof {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;

// Big-endian loads and stores at an offset that the caller has checked.
inline uint16_t load16(ByteView bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
inline uint32_t load32(ByteView bytes, size_t at) {
  return static_cast<uint32_t>(load16(bytes, at)) << 16 | load16(bytes, at + 2);
}
inline void store16(MutableByteView bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}
inline void store32(MutableByteView bytes, size_t at, uint32_t value) {
  store16(bytes, at, static_cast<uint16_t>(value >> 16));
  store16(bytes, at + 2, static_cast<uint16_t>(value));
}

}  // namespace kubeproof
