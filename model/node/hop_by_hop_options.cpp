#include "model/node/hop_by_hop_options.h"

#include <algorithm>

namespace kubeproof {
namespace {

constexpr size_t kIpv6HeaderSize = 40;

constexpr uint8_t kErroneousField = 0;
constexpr uint8_t kUnknownOption = 2;

StackFailure ipv6_parameter_problem(uint8_t code, size_t pointer) {
  constexpr uint8_t kParameterProblem = 4;
  return {
      StackDrop::kBadOptions,
      IcmpError{.type = kParameterProblem, .code = code, .info = static_cast<uint32_t>(pointer)}};
}

enum Ipv6Option : uint8_t {
  kPad1 = 0,
  kPadN = 1,
  kRouterAlert = 5,
  kCalipso = 7,
  kIoam = 0x31,
  kJumbo = 0xc2
};

// The two highest bits of an option's type say what a node that does not know it is to do
// (RFC 8200, section 4.2).
std::optional<StackFailure> refuse_unknown(ByteView packet, size_t at) {
  const bool to_group = packet[24] == 0xff;
  switch (packet[at] >> 6) {
    case 0:
      return std::nullopt;
    case 2:
      return ipv6_parameter_problem(kUnknownOption, at);
    case 3:
      if (!to_group) return ipv6_parameter_problem(kUnknownOption, at);
      break;
    default:
      break;
  }
  return StackFailure{StackDrop::kBadOptions, std::nullopt};
}

// A length beyond 65535 in place of the header's, which must then be zero (RFC 2675). None of our
// packets is that long, so all that is left is how the option is wrong.
StackFailure refuse_jumbogram(ByteView packet, size_t at) {
  constexpr uint32_t kLargestPayload = 0xffff;
  if (packet[at + 1] != 4 || at % 4 != 2) return {StackDrop::kBadOptions, std::nullopt};
  if (load32(packet, at + 2) <= kLargestPayload) {
    return ipv6_parameter_problem(kErroneousField, at + 2);
  }
  if (load16(packet, 4) != 0) return ipv6_parameter_problem(kErroneousField, at);
  return {StackDrop::kTotalLength, std::nullopt};
}

}  // namespace

std::optional<StackFailure> refuse_hop_by_hop_options(ByteView packet) {
  constexpr size_t kMostOptions = 8, kMostPadding = 7;
  const StackFailure silent{StackDrop::kBadOptions, std::nullopt};
  if (packet.size() < kIpv6HeaderSize + 8) return silent;
  const size_t end = kIpv6HeaderSize + (size_t{packet[kIpv6HeaderSize + 1]} + 1) * 8;
  if (packet.size() < end) return silent;

  size_t options = 0;
  size_t padding = 0;
  for (size_t at = kIpv6HeaderSize + 2; at < end;) {
    const uint8_t type = packet[at];
    if (type == kPad1) {
      if (++padding > kMostPadding) return silent;
      ++at;
      continue;
    }
    if (end - at < 2) return silent;
    const size_t size = size_t{packet[at + 1]} + 2;
    if (size > end - at) return silent;
    if (type == kPadN) {
      padding += size;
      const ByteView body = packet.subspan(at + 2, size - 2);
      const auto is_zero = [](uint8_t byte) { return byte == 0; };
      if (padding > kMostPadding || !std::all_of(body.begin(), body.end(), is_zero)) return silent;
    } else {
      padding = 0;
      if (++options > kMostOptions) return silent;
      if (type == kJumbo) return refuse_jumbogram(packet, at);
      if (type == kRouterAlert && size != 4) return silent;
      // Behind an interface that takes no part in IOAM, only its place counts (ipv6_hop_ioam()).
      if (type == kIoam && at % 4 != 0) return silent;
      // No domain of interpretation is known (NetLabel, calipso_validate()).
      if (type == kCalipso) return silent;
      if (type != kRouterAlert && type != kIoam) {
        if (auto refusal = refuse_unknown(packet, at)) return refusal;
      }
    }
    at += size;
  }
  return std::nullopt;
}

}  // namespace kubeproof
