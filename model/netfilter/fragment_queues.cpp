#include "model/netfilter/fragment_queues.h"

#include <algorithm>
#include <utility>

#include "model/packet/checksum.h"

namespace kubeproof::netfilter {
namespace {

constexpr size_t kIpv6Header = 40;
constexpr size_t kFragmentHeaderSize = 8;
constexpr uint8_t kIpv6FragmentHeader = 44;
constexpr size_t kLargestPacket = 65535;

// ip_frag_ecn_table: congestion experienced by one fragment is experienced by the whole; senders do
// not mix fragments that can and cannot say so. Empty for such a mixture.
std::optional<uint8_t> common_congestion(uint8_t seen) {
  constexpr uint8_t kNotCapable = 1 << 0;
  constexpr uint8_t kExperienced = 1 << 3;
  if (seen == kNotCapable) return 0;
  if ((seen & kNotCapable) != 0) return std::nullopt;
  return (seen & kExperienced) != 0 ? 3 : 0;
}

}  // namespace

Bytes FirstPiece::of(ByteView datagram) const {
  Bytes piece(datagram.begin(), datagram.begin() + static_cast<ptrdiff_t>(header_size));
  const uint8_t next_header = std::exchange(piece[named_at], kIpv6FragmentHeader);
  piece.resize(header_size + kFragmentHeaderSize);
  piece[header_size] = next_header;
  store16(piece, header_size + 2, 1);  // more to come
  store32(piece, header_size + 4, identification);
  const ByteView payload = datagram.subspan(header_size, payload_size);
  piece.insert(piece.end(), payload.begin(), payload.end());
  store16(piece, 4, static_cast<uint16_t>(piece.size() - kIpv6Header));
  return piece;
}

size_t DatagramKey::hash() const {
  return (source.hash() * 3 + destination.hash()) * 3 + identification;
}

FragmentQueue::FragmentQueue(Instant now, Family family)
    : family_(family), deadline_(now + std::chrono::seconds(family == Family::kIpv4 ? 30 : 60)) {}

FragmentQueue::Status FragmentQueue::add(const Fragment& fragment, const PacketView& view) {
  uint32_t end = fragment.offset + static_cast<uint32_t>(fragment.payload.size());
  if (const Status status = learn_length(fragment, end); status != Status::kWaiting) return status;

  switch (place_of(fragment.offset, end)) {
    case Place::kOverlap:
      return Status::kSpoilt;
    case Place::kDuplicate:
      return Status::kRefused;
    case Place::kFree:
      break;
  }
  const ByteView payload = fragment.payload.first(end - fragment.offset);
  insert({fragment.offset, Bytes(payload.begin(), payload.end())});
  congestion_ = static_cast<uint8_t>(congestion_ | 1U << fragment.congestion);
  const size_t size = fragment.packet.size();
  largest_ = std::max(largest_, size);
  if (fragment.dont_fragment) largest_unfragmentable_ = std::max(largest_unfragmentable_, size);
  if (fragment.offset == 0) {
    header_ = fragment.header(view);
    named_at_ = view.fragment_header_named_at;
    identification_ = fragment.identification;
  }
  return complete() ? Status::kComplete : Status::kWaiting;
}

// All fragments but the last end at a multiple of eight, to which IPv4 cuts them.
FragmentQueue::Status FragmentQueue::learn_length(const Fragment& fragment, uint32_t& end) {
  const bool v6 = family_ == Family::kIpv6;
  const Status contradiction = v6 ? Status::kRefused : Status::kSpoilt;
  if (v6 && end > kLargestPacket) return Status::kRefused;
  if (!fragment.more) {
    if (end < length_ || (last_seen_ && end != length_)) return contradiction;
    last_seen_ = true;
    length_ = end;
  } else {
    if (v6 && end % 8 != 0) return Status::kNoPiece;
    end -= end % 8;
    if (end > length_) {
      if (last_seen_) return contradiction;
      length_ = end;
    }
  }
  return end == fragment.offset ? contradiction : Status::kWaiting;
}

// inet_frag_queue_insert(): what lies within a stretch that is already there repeats it.
FragmentQueue::Place FragmentQueue::place_of(uint32_t begin, uint32_t end) const {
  for (size_t i = 0; i < pieces_.size();) {
    const uint32_t stretch_begin = pieces_[i].begin;
    uint32_t stretch_end = pieces_[i++].end();
    while (i < pieces_.size() && pieces_[i].begin == stretch_end) stretch_end = pieces_[i++].end();
    if (end <= stretch_begin) return Place::kFree;
    if (begin >= stretch_end) continue;
    return begin >= stretch_begin && end <= stretch_end ? Place::kDuplicate : Place::kOverlap;
  }
  return Place::kFree;
}

void FragmentQueue::insert(Piece piece) {
  const auto behind = std::find_if(pieces_.begin(), pieces_.end(),
                                   [&](const Piece& each) { return each.begin > piece.begin; });
  pieces_.insert(behind, std::move(piece));
}

bool FragmentQueue::complete() const {
  if (!last_seen_ || header_.empty()) return false;
  size_t known = 0;
  for (const Piece& piece : pieces_) known += piece.payload.size();
  return known == length_;
}

std::optional<Reassembled> FragmentQueue::reassemble() const {
  const auto congestion = common_congestion(congestion_);
  if (!congestion || header_.size() + length_ > kLargestPacket) return std::nullopt;
  Reassembled whole{.packet = header_, .largest_fragment = largest_, .first_piece = {}};
  for (const Piece& piece : pieces_) {
    whole.packet.insert(whole.packet.end(), piece.payload.begin(), piece.payload.end());
  }
  Bytes& packet = whole.packet;
  if (family_ == Family::kIpv6) {
    packet[1] = static_cast<uint8_t>(packet[1] | *congestion << 4);
    store16(packet, 4, static_cast<uint16_t>(packet.size() - kIpv6Header));
    if (pieces_.size() > 1) {
      whole.first_piece = FirstPiece{.header_size = header_.size(),
                                     .named_at = named_at_,
                                     .payload_size = pieces_[0].payload.size(),
                                     .identification = identification_};
    }
    return whole;
  }
  packet[1] |= *congestion;
  store16(packet, 2, static_cast<uint16_t>(packet.size()));
  // As unfragmentable as its largest fragment was.
  store16(packet, 6, largest_unfragmentable_ == largest_ ? 0x4000 : 0);
  store16(packet, 10, ipv4_header_checksum(packet));
  return whole;
}

const FragmentQueue* FragmentQueues::find(const DatagramKey& key, Instant now) const {
  const auto found = queues_.find(key);
  return found == queues_.end() || found->second.deadline() <= now ? nullptr : &found->second;
}

void FragmentQueues::put(const DatagramKey& key, FragmentQueue queue, Instant now) {
  queues_.insert_or_assign(key, std::move(queue));
  // Look-ups skip what is over, so the rest is only a matter of memory.
  if (queues_.size() < sweep_at_) return;
  std::erase_if(queues_, [now](const auto& entry) { return entry.second.deadline() <= now; });
  sweep_at_ = std::max<size_t>(64, 2 * queues_.size());
}

}  // namespace kubeproof::netfilter
