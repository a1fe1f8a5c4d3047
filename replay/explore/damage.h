// Packets with bytes that nobody means: flipped and overwritten ones, lengths that lie, packets cut
// anywhere behind the fixed header, with a tail, or of which little more than version and addresses
// is left. Every change follows from a number of its own and the packet that it meets, so that a
// scenario stays small, and a packet can be made simpler change by change.
#pragma once

#include <cstdint>
#include <vector>

#include "model/packet/bytes.h"

namespace kubeproof::explore {

// What is done about checksums, after all changes.
enum class Repair : uint8_t { kNone, kHeader, kAll };

struct Damage {
  std::vector<uint32_t> changes;
  Repair repair = Repair::kNone;

  friend bool operator==(const Damage&, const Damage&) = default;
};

// Addresses and the version stay: they say where a packet goes in and which family it is of.
void damage(const Damage& how, Bytes& packet);

// Only the bytes behind the IP header; for what a process sends, whose kernel writes the header.
void damage_payload(const Damage& how, Bytes& packet);

}  // namespace kubeproof::explore
