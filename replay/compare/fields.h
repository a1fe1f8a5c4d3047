// The header fields of a packet as a list, so that two packets can be compared field by field and
// the difference told in words. Goes into the packet that an ICMP error quotes.
#pragma once

#include <string>
#include <vector>

#include "model/packet/bytes.h"
#include "replay/compare/difference.h"

namespace kubeproof {

struct Field {
  std::string name;  // "destination port", "quoted TTL"
  DifferenceKind kind = DifferenceKind::kPayload;
  std::string value;  // "8080 (0x1f90)", "10.0.0.1"; empty where `bytes` says it
  ByteView bytes;     // payloads and options: a view into the packet
};

// Every field from the IP header to the payload, in the order of the packet. Bytes that are not a
// packet give a single field of payload. Valid as long as the packet.
std::vector<Field> list_fields(ByteView packet);

}  // namespace kubeproof
