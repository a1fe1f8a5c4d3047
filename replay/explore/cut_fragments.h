// A packet in fragments, cut where no stack would: inside its transport header, or what an ICMP
// error quotes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/packet/bytes.h"

namespace kubeproof::explore {

// The first has `first` bytes, those behind it `rest` each: multiples of eight. IPv6 destination
// options are cut with what they lead to. What is no packet, or a fragment, stays as it is.
std::vector<Bytes> cut_into_fragments(const Bytes& packet, size_t first, size_t rest,
                                      uint32_t identification);

}  // namespace kubeproof::explore
