#include "replay/compare/compare_packets.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"
#include "replay/compare/fields.h"

namespace kubeproof {
namespace {

using Kind = DifferenceKind;

bool is_equal(const Field& a, const Field& b) {
  return a.value == b.value &&
         std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

std::string hex(ByteView bytes) {
  constexpr size_t kShown = 8;
  std::string text = "0x";
  for (const uint8_t byte : bytes.first(std::min(kShown, bytes.size()))) {
    text += fmt::format("{:02x}", byte);
  }
  return bytes.size() > kShown ? text + "…" : text;
}

std::string tell_bytes(const Field& seen, const Field& expected) {
  const size_t common = std::min(seen.bytes.size(), expected.bytes.size());
  const auto [at, _] =
      std::mismatch(seen.bytes.begin(), seen.bytes.begin() + static_cast<ptrdiff_t>(common),
                    expected.bytes.begin());
  const size_t offset = static_cast<size_t>(at - seen.bytes.begin());
  if (offset == common) {
    return fmt::format("{} of {} bytes, expected {}", seen.name, seen.bytes.size(),
                       expected.bytes.size());
  }
  return fmt::format("{} differs from byte {} on: {}, expected {}", seen.name, offset,
                     hex(seen.bytes.subspan(offset)), hex(expected.bytes.subspan(offset)));
}

bool is_checksum(const Field& field) {
  return field.name.ends_with("checksum");
}

// The state of the very checksum that a field shows.
ChecksumState state_of(const Field& field, const ChecksumReport& report) {
  const bool quoted = field.name.starts_with("quoted ");
  const bool header = field.name.ends_with("IP header checksum");
  if (quoted) return header ? report.quoted_ip_header : report.quoted_transport;
  return header ? report.ip_header : report.transport;
}

std::optional<std::string> recompute(const Field& field, ByteView packet) {
  if (field.name.starts_with("quoted ")) return std::nullopt;
  if (field.name == "IP header checksum") {
    return fmt::format("{:#06x}", ipv4_header_checksum(packet));
  }
  const auto view = parse_packet(packet);
  const auto sum = view ? transport_checksum(packet, *view) : std::nullopt;
  if (!sum) return std::nullopt;
  return view->protocol == kSctp ? fmt::format("{:#010x}", *sum) : fmt::format("{:#06x}", *sum);
}

class Comparison {
 public:
  Comparison(ByteView seen, ByteView expected) : seen_(seen), expected_(expected) {}

  Difference run() && {
    const std::vector<Field> seen = list_fields(seen_);
    std::vector<Field> expected = list_fields(expected_);
    for (const Field& field : seen) {
      const auto same_name =
          std::find_if(expected.begin(), expected.end(),
                       [&](const Field& other) { return other.name == field.name; });
      if (same_name == expected.end()) {
        extra(field);
        continue;
      }
      if (is_checksum(field)) {
        checksum(field, *same_name);
      } else if (!is_equal(field, *same_name)) {
        differ(field, *same_name);
      }
      expected.erase(same_name);
    }
    for (const Field& field : expected) missing(field);
    if (difference_.parts.empty()) tell_silent_checksums();
    difference_.sort();
    return std::move(difference_);
  }

 private:
  void differ(const Field& seen, const Field& expected) {
    if (seen.value.empty() && expected.value.empty()) {
      difference_.add(seen.kind, tell_bytes(seen, expected));
    } else {
      difference_.add(seen.kind,
                      fmt::format("{} {}, expected {}", seen.name, seen.value, expected.value));
    }
  }

  // A checksum may be the expected one and yet be wrong, for what stands around it.
  void checksum(const Field& seen, const Field& expected) {
    if (state_of(seen, seen_sums_) == ChecksumState::kWrong &&
        state_of(expected, expected_sums_) != ChecksumState::kWrong) {
      const auto recomputed = recompute(seen, seen_);
      difference_.add(seen.kind, fmt::format("{} wrong: {}, recomputed {}", seen.name, seen.value,
                                             recomputed ? *recomputed : expected.value));
    } else if (!is_equal(seen, expected)) {
      silent_.push_back(
          {seen.kind, fmt::format("{} {}, expected {}", seen.name, seen.value, expected.value)});
    }
  }

  // Nothing else differs, so the checksums are the difference.
  void tell_silent_checksums() {
    for (DifferencePart& part : silent_) difference_.parts.push_back(std::move(part));
  }

  // Another transport protocol has other fields; the protocol says it all.
  bool other_protocol() const {
    const auto a = parse_packet(seen_);
    const auto b = parse_packet(expected_);
    return a && b && a->protocol != b->protocol;
  }
  static std::string shown(const Field& field) {
    return field.value.empty() ? fmt::format("of {} bytes", field.bytes.size()) : field.value;
  }
  void extra(const Field& field) {
    if (other_protocol()) return;
    difference_.add(field.kind, fmt::format("{} {}, expected none", field.name, shown(field)));
  }
  void missing(const Field& field) {
    if (other_protocol()) return;
    difference_.add(field.kind, fmt::format("no {}, expected {}", field.name, shown(field)));
  }

  ByteView seen_;
  ByteView expected_;
  ChecksumReport seen_sums_ = check_checksums(seen_);
  ChecksumReport expected_sums_ = check_checksums(expected_);
  Difference difference_;
  std::vector<DifferencePart> silent_;
};

}  // namespace

Difference compare_packets(ByteView seen, ByteView expected) {
  return Comparison(seen, expected).run();
}

}  // namespace kubeproof
