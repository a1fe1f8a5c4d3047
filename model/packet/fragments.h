// A packet cut into fragments, wherever its sender might have cut it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/packet/bytes.h"

namespace kubeproof {

struct FragmentCut {
  size_t head = 0;      // bytes of headers that every fragment has
  size_t named_at = 0;  // IPv6: the field in there that says what follows them
  // Bytes of what follows: in the first fragment, and in each of the others. Multiples of eight.
  size_t first = 0;
  size_t rest = 0;
  uint32_t identification = 0;
};

// `packet`: IPv4 or IPv6, whole, and no fragment itself. None where nothing follows the head.
std::vector<Bytes> cut_into_fragments(ByteView packet, const FragmentCut& cut);

}  // namespace kubeproof
