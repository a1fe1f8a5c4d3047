#include "replay/compare/difference.h"

#include <algorithm>
#include <array>
#include <utility>

namespace kubeproof {

std::string_view to_string(DifferenceKind kind) {
  constexpr std::array<std::string_view, 25> kNames = {
      "verdict",
      "missing-emission",
      "unexpected-emission",
      "place",
      "protocol",
      "destination-address",
      "destination-port",
      "source-address",
      "source-port",
      "source-port-range",
      "source-port-not-unique",
      "ttl",
      "icmp",
      "quoted-packet",
      "tcp",
      "length",
      "payload",
      "traffic-class",
      "identification",
      "fragmentation",
      "ip-options",
      "checksum",
      "martian-source",
      "duplicate-emission",
      "reply-path",
  };
  static_assert(kNames.size() == static_cast<size_t>(DifferenceKind::kReplyPath) + 1);
  return kNames[static_cast<size_t>(kind)];
}

void Difference::add(DifferenceKind kind, std::string text) {
  parts.push_back({kind, std::move(text)});
}

void Difference::sort() {
  std::stable_sort(
      parts.begin(), parts.end(),
      [](const DifferencePart& a, const DifferencePart& b) { return a.kind < b.kind; });
}

}  // namespace kubeproof
