// The lists of `-m recent` (net/netfilter/xt_recent.c): for each list, the sources that set it and
// when they last did. Only the newest stamp of a source is kept: without --hitcount no other is
// ever asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "model/netfilter/connection.h"
#include "model/packet/address.h"

namespace kubeproof::netfilter {

// Stands for the name of a list; the same in every copy of the state.
using ListId = uint32_t;

class ListNames {
 public:
  ListId id(std::string_view name);
  const std::string& name(ListId id) const { return names_[id]; }

 private:
  std::unordered_map<std::string, ListId> ids_;
  std::vector<std::string> names_;
};

class RecentList {
 public:
  // ip_list_tot: a further source evicts the one that was set least recently.
  static constexpr size_t kCapacity = 100;

  bool contains(const IpAddress& source) const { return find(source) != nullptr; }
  // Whether the source was set at `since` or later.
  bool set_since(const IpAddress& source, Instant since) const;
  void set(const IpAddress& source, Instant now);
  // --reap: removes the least recently set source if that was before `since`.
  bool would_reap(Instant since) const;
  void reap(Instant since);

  // Takes the source out, and tells when it was set.
  std::optional<Instant> take(const IpAddress& source);
  // Puts it back in its place among the others.
  void put(const IpAddress& source, Instant stamp);
  size_t size() const { return entries_.size(); }

  friend bool operator==(const RecentList&, const RecentList&) = default;

 private:
  struct Entry {
    IpAddress source;
    Instant stamp;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  const Entry* find(const IpAddress& source) const;

  std::vector<Entry> entries_;  // least recently set first
};

// When a source was last set, by list.
struct RecentStamp {
  ListId list = 0;
  Instant stamp{};
  friend bool operator==(const RecentStamp&, const RecentStamp&) = default;
};

// Copies share their lists until they change them.
class RecentLists {
 public:
  // A list that nothing has set yet is empty.
  const RecentList& operator[](ListId id) const;
  RecentList& change(ListId id);
  // Lists live as long as a rule names them.
  void retain(const std::unordered_set<ListId>& named);

  // All that is known of one source: taken out, in the order of the lists, and put back.
  std::vector<RecentStamp> take(const IpAddress& source);
  void put(const IpAddress& source, std::span<const RecentStamp> stamps);
  // The number of sources in the longest list.
  size_t longest() const;

  // A list without sources is as good as none.
  friend bool operator==(const RecentLists& a, const RecentLists& b);

 private:
  std::unordered_map<ListId, std::shared_ptr<RecentList>> lists_;
};

// What a packet does to a list, in the order of the rules that it met.
struct RecentChange {
  enum class Kind : uint8_t { kSet, kReap };
  Kind kind = Kind::kSet;
  ListId list = 0;
  IpAddress source;  // kSet
  Instant time{};    // kSet: now; kReap: since

  void apply(RecentList& to) const;
  friend bool operator==(const RecentChange&, const RecentChange&) = default;
};

}  // namespace kubeproof::netfilter
