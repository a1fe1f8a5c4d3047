// Two packets, field by field, told in words.
#pragma once

#include "model/packet/bytes.h"
#include "replay/compare/difference.h"

namespace kubeproof {

// `seen` against what is expected; no parts where they are equal. A checksum that is right for what
// was seen follows from the other differences and is not told; one that is wrong is told with the
// value that it should have.
Difference compare_packets(ByteView seen, ByteView expected);

}  // namespace kubeproof
