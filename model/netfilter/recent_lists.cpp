#include "model/netfilter/recent_lists.h"

#include <algorithm>

namespace kubeproof::netfilter {

ListId ListNames::id(std::string_view name) {
  const auto [entry, added] =
      ids_.try_emplace(std::string(name), static_cast<ListId>(names_.size()));
  if (added) names_.emplace_back(name);
  return entry->second;
}

const RecentList::Entry* RecentList::find(const IpAddress& source) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.source == source; });
  return found == entries_.end() ? nullptr : &*found;
}

bool RecentList::set_since(const IpAddress& source, Instant since) const {
  const Entry* entry = find(source);
  return entry != nullptr && entry->stamp >= since;
}

void RecentList::set(const IpAddress& source, Instant now) {
  const auto same = [&](const Entry& entry) { return entry.source == source; };
  const auto old = std::find_if(entries_.begin(), entries_.end(), same);
  if (old != entries_.end()) {
    entries_.erase(old);
  } else if (entries_.size() >= kCapacity) {
    entries_.erase(entries_.begin());
  }
  entries_.push_back({source, now});
}

bool RecentList::would_reap(Instant since) const {
  return !entries_.empty() && entries_.front().stamp < since;
}

void RecentList::reap(Instant since) {
  if (would_reap(since)) entries_.erase(entries_.begin());
}

std::optional<Instant> RecentList::take(const IpAddress& source) {
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.source == source; });
  if (found == entries_.end()) return std::nullopt;
  const Instant stamp = found->stamp;
  entries_.erase(found);
  return stamp;
}

void RecentList::put(const IpAddress& source, Instant stamp) {
  const auto later = [](Instant time, const Entry& entry) { return time < entry.stamp; };
  entries_.insert(std::upper_bound(entries_.begin(), entries_.end(), stamp, later),
                  {source, stamp});
}

const RecentList& RecentLists::operator[](ListId id) const {
  static const RecentList kEmpty;
  const auto found = lists_.find(id);
  return found == lists_.end() ? kEmpty : *found->second;
}

RecentList& RecentLists::change(ListId id) {
  std::shared_ptr<RecentList>& list = lists_[id];
  if (!list) {
    list = std::make_shared<RecentList>();
  } else if (list.use_count() > 1) {
    list = std::make_shared<RecentList>(*list);
  }
  return *list;
}

bool operator==(const RecentLists& a, const RecentLists& b) {
  const auto covered = [](const RecentLists& these, const RecentLists& those) {
    return std::all_of(these.lists_.begin(), these.lists_.end(), [&](const auto& entry) {
      const auto other = those.lists_.find(entry.first);
      if (other == those.lists_.end()) return entry.second->size() == 0;
      return other->second == entry.second || *other->second == *entry.second;
    });
  };
  return covered(a, b) && covered(b, a);
}

std::vector<RecentStamp> RecentLists::take(const IpAddress& source) {
  std::vector<RecentStamp> stamps;
  for (auto& [id, list] : lists_) {
    if (!list->contains(source)) continue;
    if (list.use_count() > 1) list = std::make_shared<RecentList>(*list);
    stamps.push_back({id, *list->take(source)});
  }
  std::sort(stamps.begin(), stamps.end(),
            [](const RecentStamp& a, const RecentStamp& b) { return a.list < b.list; });
  return stamps;
}

void RecentLists::put(const IpAddress& source, std::span<const RecentStamp> stamps) {
  for (const RecentStamp& stamp : stamps) change(stamp.list).put(source, stamp.stamp);
}

size_t RecentLists::longest() const {
  size_t longest = 0;
  for (const auto& [id, list] : lists_) longest = std::max(longest, list->size());
  return longest;
}

void RecentLists::retain(const std::unordered_set<ListId>& named) {
  std::erase_if(lists_, [&](const auto& entry) { return !named.contains(entry.first); });
}

void RecentChange::apply(RecentList& to) const {
  if (kind == Kind::kSet) {
    to.set(source, time);
  } else {
    to.reap(time);
  }
}

}  // namespace kubeproof::netfilter
