// How a fate differs from what the reference permits, in terms that a newcomer can act on: which
// emission, which place, which header field, what was seen and what was expected.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace kubeproof {

// In the order in which a report names the most telling one first.
enum class DifferenceKind : uint8_t {
  kVerdict,             // dropped, forwarded, delivered, rejected: not the same
  kMissingEmission,     // one of several emissions did not come
  kUnexpectedEmission,  // an emission more than permitted
  kPlace,               // another interface, or the node's sockets instead
  kProtocol,
  kDestinationAddress,
  kDestinationPort,
  kSourceAddress,
  kSourcePort,
  kSourcePortRange,      // a source port that netfilter would not have picked
  kSourcePortNotUnique,  // a source port that another flow of the same tuple holds
  kTtl,
  kIcmp,    // type, code, the MTU told
  kQuoted,  // the packet that an ICMP error quotes
  kTcp,     // TCP's own fields: sequence numbers, flags, window, options
  kLength,
  kPayload,
  kTrafficClass,  // DSCP and ECN
  kIdentification,
  kFragmentation,  // flags and offset
  kIpOptions,      // and IPv6 extension headers, flow label
  kChecksum,
  kMartianSource,      // invariants, which need no oracle
  kDuplicateEmission,  //
  kReplyPath,          // the reply to an emission does not come from the contacted address
};

// As JSON spells it: "destination-port". These names are stable.
std::string_view to_string(DifferenceKind kind);

struct DifferencePart {
  DifferenceKind kind = DifferenceKind::kVerdict;
  std::string text;  // "destination port 8080 (0x1f90), expected 80 (0x0050)"
};

struct Difference {
  std::vector<DifferencePart> parts;  // the most telling first; empty: no difference
  size_t nearest_outcome = 0;         // the permitted outcome that the parts compare with

  void add(DifferenceKind kind, std::string text);
  // Brings the most telling part to the front; parts of one kind keep their order.
  void sort();
};

}  // namespace kubeproof
