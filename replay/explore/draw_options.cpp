#include "replay/explore/draw_options.h"

#include <algorithm>

#include "replay/explore/address_plan.h"

namespace kubeproof::explore {
namespace {

constexpr size_t kLength = 1, kPointer = 2;  // in an option
constexpr size_t kWord = 4;
constexpr unsigned kLies = 12;  // of a hundred options

uint8_t any_byte(Random& random) {
  return static_cast<uint8_t>(random.next());
}

void append(Bytes& option, ByteView bytes) {
  option.insert(option.end(), bytes.begin(), bytes.end());
}

// The node's own, of many, of nobody, and other people's.
IpAddress any_address(Random& random) {
  const AddressPlan& plan = address_plan(Family::kIpv4);
  if (random.percent(20)) {
    return *IpAddress::parse(random.pick(
        {"0.0.0.0", "0.1.2.3", "127.0.0.2", "192.168.0.255", "224.0.0.1", "255.255.255.255"}));
  }
  return random.pick({plan.node, plan.second_node, plan.loopback, plan.neighbour, plan.outside[0],
                      plan.pods_here[0], plan.cluster_ips[0]});
}

// `taken` of so many places, each of so many bytes, or all, or some number.
uint8_t any_pointer(Random& random, size_t first, size_t place, size_t places) {
  if (random.percent(8)) return any_byte(random);
  return static_cast<uint8_t>(first + place * random.below(places + 1));
}

Bytes record_route(Random& random) {
  constexpr uint8_t kRecordRoute = 7;
  constexpr size_t kFirst = 4;
  const size_t places = random.between(0, 9);
  Bytes option = {kRecordRoute, static_cast<uint8_t>(3 + places * kWord),
                  any_pointer(random, kFirst, kWord, places)};
  for (size_t i = 0; i < places; ++i) append(option, any_address(random).bytes());
  return option;
}

Bytes timestamp(Random& random) {
  constexpr uint8_t kTimestamp = 68, kTimeOnly = 0;
  constexpr size_t kFirst = 5;
  const uint8_t kind = random.pick({uint8_t{kTimeOnly}, uint8_t{1}, uint8_t{3}, uint8_t{3},
                                    static_cast<uint8_t>(random.below(16))});
  const uint8_t missed =
      random.pick({uint8_t{0}, uint8_t{0}, uint8_t{1}, uint8_t{14}, uint8_t{15}});
  const size_t place = kind == kTimeOnly ? kWord : 2 * kWord;
  const size_t places = random.between(0, 36 / place);
  Bytes option = {kTimestamp, static_cast<uint8_t>(4 + places * place),
                  any_pointer(random, kFirst, place, places),
                  static_cast<uint8_t>(missed << 4 | kind)};
  for (size_t i = 0; i < places; ++i) {
    if (kind != kTimeOnly) append(option, any_address(random).bytes());
    append(option, Bytes{any_byte(random), 0, 0, 7});
  }
  return option;
}

Bytes source_route(Random& random) {
  constexpr uint8_t kLoose = 131, kStrict = 137;
  constexpr size_t kFirst = 4;
  const size_t places = random.between(0, 4);
  Bytes option = {random.pick({kLoose, kStrict}), static_cast<uint8_t>(3 + places * kWord),
                  any_pointer(random, kFirst, kWord, places)};
  for (size_t i = 0; i < places; ++i) append(option, any_address(random).bytes());
  return option;
}

// Of no more meaning than its length.
Bytes body_of(Random& random, uint8_t type, std::initializer_list<uint8_t> sizes) {
  Bytes option(random.pick(sizes));
  for (uint8_t& byte : option) byte = random.pick({uint8_t{0}, uint8_t{1}, any_byte(random)});
  option[0] = type;
  option[kLength] = static_cast<uint8_t>(option.size());
  return option;
}

// The end of all, and what stands behind it.
Bytes end(Random& random) {
  return random.percent(50) ? Bytes{0} : Bytes{0, any_byte(random), 0, any_byte(random)};
}

Bytes ipv4_option(Random& random) {
  constexpr uint8_t kSecurity = 130, kSecurityLabel = 134, kStream = 136, kAlert = 148;
  const size_t kind = random.below(100);
  if (kind < 30) return record_route(random);
  if (kind < 62) return timestamp(random);
  if (kind < 70) return source_route(random);
  if (kind < 76) return body_of(random, kAlert, {4, 4, 4, 3, 6});
  if (kind < 82) return body_of(random, kSecurityLabel, {6, 7, 8, 12, 20});
  if (kind < 86) return body_of(random, kSecurity, {2, 11});
  if (kind < 90) return body_of(random, kStream, {4});
  if (kind < 95) return Bytes(random.between(1, 3), 1);
  return end(random);
}

Bytes hop_by_hop_option(Random& random) {
  constexpr uint8_t kPadN = 1, kAlert = 5, kSecurityLabel = 7, kTrace = 0x31, kJumbo = 0xc2;
  const size_t kind = random.below(100);
  Bytes option;
  if (kind < 20) {
    option = Bytes(random.between(1, 3), 0);
  } else if (kind < 35) {
    option = body_of(random, kPadN, {2, 3, 4, 5});
    if (random.percent(80)) std::fill(option.begin() + 2, option.end(), uint8_t{0});
  } else if (kind < 60) {
    option = body_of(random, kTrace, {2, 4, 12, 16});
  } else if (kind < 75) {
    option = body_of(random, kSecurityLabel, {6, 10, 12, 18});
  } else if (kind < 82) {
    option = body_of(random, kAlert, {4, 4, 3, 6});
  } else if (kind < 88) {
    option = body_of(random, kJumbo, {6, 6, 4});
  } else {
    // What is to become of a packet whose option nobody knows stands in the two highest bits.
    option = body_of(
        random,
        random.pick({uint8_t{0x1e}, uint8_t{0x1e}, uint8_t{0x5e}, uint8_t{0x9e}, uint8_t{0xde}}),
        {2, 4, 6});
  }
  // An IPv6 option does not count its first two bytes.
  if (option[0] != 0) option[kLength] = static_cast<uint8_t>(option.size() - 2);
  return option;
}

void lie(Random& random, Bytes& option) {
  if (option.size() < 3) return;
  uint8_t& byte = option[random.pick({kLength, kLength, kPointer})];
  byte = random.pick({uint8_t{0}, uint8_t{1}, uint8_t{2}, uint8_t{3},
                      static_cast<uint8_t>(byte - 1), static_cast<uint8_t>(byte + 1),
                      static_cast<uint8_t>(byte + 2), any_byte(random)});
}

}  // namespace

std::vector<Bytes> draw_options(Random& random, Family family) {
  std::vector<Bytes> options(random.pick({1, 1, 1, 2, 2, 3}));
  for (Bytes& option : options) {
    option = family == Family::kIpv4 ? ipv4_option(random) : hop_by_hop_option(random);
    if (random.percent(kLies)) lie(random, option);
  }
  return options;
}

}  // namespace kubeproof::explore
