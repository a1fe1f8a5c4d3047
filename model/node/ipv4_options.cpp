#include "model/node/ipv4_options.h"

#include <algorithm>

#include "model/node/ip_header.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

enum Type : uint8_t {
  kEnd = 0,
  kNoOperation = 1,
  kRecordRoute = 7,
  kTimestamp = 68,
  kLooseSourceRoute = 131,
  kSecurityLabel = 134,
  kStrictSourceRoute = 137,
  kAlert = 148
};

// The lower half of a timestamp's fourth byte; the upper counts those who found no room.
enum TimestampKind : uint8_t {
  kTimeOnly = 0,
  kWithAddress = 1,
  kOfAddressesGiven = 3,
};

constexpr size_t kLength = 1, kPointer = 2, kFlags = 3;  // in an option
constexpr size_t kWord = 4;

void put_address(MutableByteView at, const IpAddress& address) {
  std::copy_n(address.bytes().begin(), kWord, at.begin());
}

IpAddress address_in(ByteView option, size_t at) {
  return address_at(option, Family::kIpv4, at);
}

ByteView option_at(ByteView packet, size_t place) {
  return packet.subspan(place, packet[place + kLength]);
}

// One walk over the options of a packet. Steps say where the packet is wrong.
class Reader {
 public:
  using Problem = std::optional<size_t>;

  Reader(MutableByteView packet, const Ipv4OptionScene& scene, Ipv4OptionNotes& notes)
      : header_(packet.first(ipv4_header_size(packet))), scene_(scene), notes_(notes) {}

  Problem read() {
    while (at_ < header_.size()) {
      if (header_[at_] == kEnd) {
        clear_rest();
        return std::nullopt;
      }
      if (header_[at_] == kNoOperation) {
        ++at_;
        continue;
      }
      const size_t room = header_.size() - at_;
      if (room < 2 || header_[at_ + kLength] < 2 || header_[at_ + kLength] > room) return at_;
      option_ = header_.subspan(at_, header_[at_ + kLength]);
      if (const Problem problem = read_option()) return problem;
      at_ += option_.size();
    }
    return std::nullopt;
  }

 private:
  Problem read_option() {
    switch (option_[0]) {
      case kLooseSourceRoute:
      case kStrictSourceRoute:
        return source_route();
      case kRecordRoute:
        return record_route();
      case kTimestamp:
        return timestamp();
      case kSecurityLabel:
        return security_label();
      case kAlert:
        return option_.size() < 4 ? Problem(at_ + kLength) : std::nullopt;
      default:
        return std::nullopt;
    }
  }

  Problem source_route() {
    if (option_.size() < 3) return at_ + kLength;
    if (option_[kPointer] < 4) return at_ + kPointer;
    if (notes_.source_route != 0) return at_;
    notes_.source_route = place();
    return std::nullopt;
  }

  Problem record_route() {
    if (notes_.record_route != 0) return at_;
    if (option_.size() < 3) return at_ + kLength;
    if (option_[kPointer] < 4) return at_ + kPointer;
    if (has_room()) {
      if (!has_room(kWord)) return at_ + kPointer;
      put_address(next(), scene_.recorded);
      option_[kPointer] += kWord;
      notes_.records_route = notes_.changed = true;
    }
    notes_.record_route = place();
    return std::nullopt;
  }

  Problem timestamp() {
    if (notes_.timestamp != 0) return at_;
    if (option_.size() < 4) return at_ + kLength;
    if (option_[kPointer] < 5) return at_ + kPointer;
    if (has_room()) {
      if (!has_room(kWord)) return at_ + kPointer;
      if (const Problem problem = stamp()) return problem;
    } else if (kind() != kOfAddressesGiven) {
      constexpr uint8_t kOneMore = 0x10, kMost = 0xf0;
      if (option_[kFlags] >= kMost) return at_ + kFlags;
      option_[kFlags] += kOneMore;
      notes_.changed = true;
    }
    notes_.timestamp = place();
    return std::nullopt;
  }

  Problem stamp() {
    switch (kind()) {
      case kTimeOnly:
        put_time();
        break;
      case kWithAddress:
        if (!has_room(2 * kWord)) return at_ + kPointer;
        put_address(next(), scene_.recorded);
        option_[kPointer] += kWord;
        put_time();
        notes_.records_address_with_time = true;
        break;
      case kOfAddressesGiven:
        if (!has_room(2 * kWord)) return at_ + kPointer;
        if (scene_.is_of_others(address_in(option_, option_[kPointer] - size_t{1}))) break;
        option_[kPointer] += kWord;
        put_time();
        break;
      default:
        break;
    }
    return std::nullopt;
  }

  void put_time() {
    store32(next(), 0, 0);
    notes_.clock_at = static_cast<uint16_t>(at_ + option_[kPointer] - 1);
    option_[kPointer] += kWord;
    notes_.records_time = notes_.changed = true;
  }

  // cipso_v4_validate(), where nobody has configured a domain of interpretation (NetLabel).
  Problem security_label() {
    constexpr size_t kShortest = 8, kDomain = 2;
    if (notes_.security_label != 0) return at_;
    notes_.security_label = place();
    return at_ + (option_.size() < kShortest ? kLength : kDomain);
  }

  void clear_rest() {
    const auto rest = header_.begin() + static_cast<ptrdiff_t>(at_);
    notes_.changed |= std::any_of(rest, header_.end(), [](uint8_t byte) { return byte != kEnd; });
    std::fill(rest, header_.end(), uint8_t{kEnd});
  }

  uint8_t kind() const { return option_[kFlags] & 0xf; }
  bool has_room() const { return option_[kPointer] <= option_.size(); }
  bool has_room(size_t bytes) const { return option_[kPointer] + bytes - 1 <= option_.size(); }
  MutableByteView next() const { return option_.subspan(option_[kPointer] - size_t{1}); }
  uint8_t place() const { return static_cast<uint8_t>(at_); }

  MutableByteView header_;
  const Ipv4OptionScene& scene_;
  Ipv4OptionNotes& notes_;
  size_t at_ = kIpv4HeaderSize;
  MutableByteView option_;  // that is being read
};

// The stops that a source-routed packet has made, in reverse.
struct WayBack {
  std::optional<IpAddress> first;
  Bytes further;  // the last is the sender itself
};

WayBack way_back(ByteView packet, const Ipv4OptionNotes& notes) {
  if (notes.source_route == 0) return {};
  const ByteView option = option_at(packet, notes.source_route);
  size_t stop = std::min(size_t{option[kPointer]}, option.size() + 1) - kWord;
  if (stop < kWord) return {};
  WayBack way{.first = address_in(option, stop - 1), .further = {}};
  for (stop -= kWord; stop >= kWord; stop -= kWord) {
    way.further.insert(way.further.end(), &option[stop - 1], &option[stop - 1] + kWord);
  }
  const ByteView sender = packet.subspan(12, kWord);
  // Where the first stop on the way here was the sender, it is there only once.
  if (std::equal(sender.begin(), sender.end(), option.subspan(stop + 3).begin())) {
    if (way.further.empty()) return {};
    way.further.resize(way.further.size() - kWord);
  }
  way.further.insert(way.further.end(), sender.begin(), sender.end());
  return way;
}

// The options of an answer. Steps are false where the kernel gives up.
class Echo {
 public:
  Echo(ByteView packet, const Ipv4OptionNotes& notes, const Ipv4OptionScene& scene)
      : packet_(packet), notes_(notes), scene_(scene) {}

  std::optional<Ipv4OptionEcho> make() {
    if (notes_.record_route != 0 && !record_route()) return std::nullopt;
    if (notes_.timestamp != 0 && !timestamp()) return std::nullopt;
    if (notes_.source_route != 0) source_route();
    if (notes_.security_label != 0) append(option_at(packet_, notes_.security_label));
    while (echo_.options.size() % kWord != 0) echo_.options.push_back(kEnd);
    return std::move(echo_);
  }

 private:
  MutableByteView append(ByteView option) {
    const size_t size = echo_.options.size();
    echo_.options.insert(echo_.options.end(), option.begin(), option.end());
    return MutableByteView(echo_.options).subspan(size);
  }

  void note_clock(size_t at) { echo_.clocks_at.push_back(static_cast<uint16_t>(at)); }

  bool record_route() {
    const MutableByteView option = append(option_at(packet_, notes_.record_route));
    const size_t pointer = option[kPointer];
    if (!notes_.records_route || pointer > option.size()) return true;
    if (pointer + kWord - 1 > option.size()) return false;
    put_address(option.subspan(pointer - 1), scene_.recorded);
    option[kPointer] += kWord;
    return true;
  }

  bool timestamp() {
    const size_t begin = echo_.options.size();
    const MutableByteView option = append(option_at(packet_, notes_.timestamp));
    if (notes_.clock_at) note_clock(begin + *notes_.clock_at - notes_.timestamp);
    const auto fits = [&] { return option[kPointer] + kWord - 1 <= option.size(); };
    if (option[kPointer] > option.size()) return true;
    if (notes_.records_address_with_time) {
      if (!fits()) return false;
      put_address(option.subspan(option[kPointer] - size_t{1}), scene_.recorded);
      option[kPointer] += kWord;
    }
    if (!notes_.records_time) return true;
    if (!fits()) return false;
    if ((option[kFlags] & 0xf) == kOfAddressesGiven) {
      const size_t address = option[kPointer] - size_t{1};
      if (address + 2 * kWord > option.size()) return true;
      if (scene_.is_of_others(address_in(option, address))) return true;
      option[kPointer] += kWord;
    }
    store32(option, option[kPointer] - size_t{1}, 0);
    note_clock(begin + option[kPointer] - 1);
    option[kPointer] += kWord;
    return true;
  }

  void source_route() {
    const WayBack way = way_back(packet_, notes_);
    if (!way.first) return;
    const Bytes head = {packet_[notes_.source_route], static_cast<uint8_t>(way.further.size() + 3),
                        kWord};
    append(head);
    append(way.further);
  }

  ByteView packet_;
  const Ipv4OptionNotes& notes_;
  const Ipv4OptionScene& scene_;
  Ipv4OptionEcho echo_;
};

}  // namespace

std::optional<size_t> read_ipv4_options(MutableByteView packet, const Ipv4OptionScene& scene,
                                        Ipv4OptionNotes& notes) {
  return Reader(packet, scene, notes).read();
}

bool reading_changes_ipv4_options(ByteView packet) {
  if (ipv4_header_size(packet) <= kIpv4HeaderSize) return false;
  Bytes copy(packet.begin(), packet.end());
  Ipv4OptionNotes notes;
  const auto anybody = [](const IpAddress&) { return false; };
  read_ipv4_options(copy, {.recorded = {}, .is_of_others = anybody}, notes);
  return notes.changed;
}

bool forward_ipv4_options(MutableByteView packet, const IpAddress& leaving_by,
                          Ipv4OptionNotes& notes) {
  if (notes.records_route) {
    const MutableByteView option = packet.subspan(notes.record_route);
    put_address(option.subspan(option[kPointer] - size_t{1} - kWord), leaving_by);
  }
  if (!notes.changed) return false;
  store16(packet, 10, ipv4_header_checksum(packet));
  notes.changed = false;
  return true;
}

IpAddress first_stop_back(ByteView packet, const Ipv4OptionNotes& notes) {
  return way_back(packet, notes).first.value_or(source_of(packet));
}

std::optional<Ipv4OptionEcho> echo_ipv4_options(ByteView packet, const Ipv4OptionNotes& notes,
                                                const Ipv4OptionScene& scene) {
  return Echo(packet, notes, scene).make();
}

}  // namespace kubeproof
