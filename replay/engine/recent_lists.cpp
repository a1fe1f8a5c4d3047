#include "replay/engine/recent_lists.h"

#include <fstream>
#include <sstream>
#include <vector>

namespace kubeproof {
namespace {

std::string path_of(const std::string& list) {
  return "/proc/thread-self/net/xt_recent/" + list;
}

struct ListEntry {
  std::string address;
  uint64_t last_seen = 0;
  uint64_t index = 0;  // of its next stamp
};

// "src=10.0.0.1 ttl: 64 last_seen: 4294948400 oldest_pkt: 1 4294948400"
std::vector<ListEntry> read_list(const std::string& list) {
  std::vector<ListEntry> entries;
  std::ifstream file(path_of(list));
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    ListEntry entry;
    for (std::string word; words >> word;) {
      if (word.starts_with("src=")) entry.address = word.substr(4);
      if (word == "last_seen:") words >> entry.last_seen;
      if (word == "oldest_pkt:") words >> entry.index;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

}  // namespace

Result<void> RecentLists::age(uint32_t seconds, const std::map<std::string, uint32_t>& timeouts) {
  for (const auto& [list, timeout] : timeouts) {
    auto aged = age_list(list, timeout, seconds);
    if (!aged) return aged;
  }
  return {};
}

Result<void> RecentLists::age_list(const std::string& list, uint32_t timeout, uint32_t seconds) {
  for (const ListEntry& entry : read_list(list)) {
    const auto key = std::make_pair(list, entry.address);
    Seen& seen = seen_[key];
    const Stamp stamp(entry.last_seen, entry.index);
    if (seen.stamp != stamp) seen = {stamp, 0};
    seen.age += seconds;
    if (seen.age <= timeout) continue;
    seen_.erase(key);
    std::ofstream file(path_of(list));
    file << '-' << entry.address << '\n' << std::flush;
    if (!file) return environment_error("{}: cannot be changed", path_of(list));
  }
  return {};
}

}  // namespace kubeproof
