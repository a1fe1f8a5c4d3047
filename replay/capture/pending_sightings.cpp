#include "replay/capture/pending_sightings.h"

namespace kubeproof {

PendingSightings::Slot PendingSightings::add(const Sighting& sighting, PendingSighting::Kind kind,
                                             uint64_t order, std::chrono::nanoseconds time) {
  Slot slot = 0;
  if (free_.empty()) {
    slot = static_cast<Slot>(slots_.size());
    slots_.emplace_back();
    links_.resize(links_.size() + 3);
  } else {
    slot = free_.back();
    free_.pop_back();
  }
  PendingSighting& pending = slots_[slot];
  pending.kind = kind;
  pending.packet.assign(sighting.packet.begin(), sighting.packet.end());
  pending.view = sighting.view;
  pending.order = order;
  pending.time = time;
  pending.place = sighting.place;
  pending.interface = sighting.interface;
  pending.direction_known = sighting.heading != Heading::kUnknown;
  pending.loopback = sighting.loopback;
  pending.taken = false;
  pending.past_bridge_port = false;
  pending.translated_across_bridge = false;
  order_.push({order, time, slot});
  return slot;
}

void PendingSightings::index(Slot slot, Key key, uint64_t value) {
  PendingSighting& pending = slots_[slot];
  const uint32_t link = slot * 3 + pending.key_count;
  const uint64_t tag = tagged(key, value);
  pending.keys[pending.key_count++] = tag;
  const auto [head, fresh] = heads_.try_emplace(tag, link);
  links_[link] = {};
  if (fresh) return;
  links_[link].next = head->second;
  links_[head->second].previous = link;
  head->second = link;
}

const std::vector<PendingSightings::Slot>& PendingSightings::find(Key key, uint64_t value) {
  constexpr size_t kMost = 512;
  found_.clear();
  const auto head = heads_.find(tagged(key, value));
  if (head == heads_.end()) return found_;
  for (uint32_t link = head->second; link != kNone && found_.size() < kMost;
       link = links_[link].next) {
    found_.push_back(link / 3);
  }
  return found_;
}

std::optional<PendingSightings::Slot> PendingSightings::take_first(std::chrono::nanoseconds until) {
  if (order_.empty() || order_.top().time > until) return std::nullopt;
  const Slot slot = order_.top().slot;
  order_.pop();
  unlink(slot);
  return slot;
}

void PendingSightings::release(Slot slot) {
  PendingSighting& pending = slots_[slot];
  pending.departures.clear();
  pending.key_count = 0;
  free_.push_back(slot);
}

void PendingSightings::unlink(Slot slot) {
  const PendingSighting& pending = slots_[slot];
  for (uint32_t i = 0; i < pending.key_count; ++i) {
    const Link link = links_[slot * 3 + i];
    if (link.next != kNone) links_[link.next].previous = link.previous;
    if (link.previous != kNone) {
      links_[link.previous].next = link.next;
    } else if (link.next != kNone) {
      heads_[pending.keys[i]] = link.next;
    } else {
      heads_.erase(pending.keys[i]);
    }
  }
}

}  // namespace kubeproof
