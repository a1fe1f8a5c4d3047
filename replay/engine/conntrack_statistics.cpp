#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "replay/engine/conntrack_table.h"

namespace kubeproof {

Result<ConntrackStatistics> read_conntrack_statistics() {
  constexpr const char* kPath = "/proc/thread-self/net/stat/nf_conntrack";
  std::ifstream file(kPath);
  std::string line;
  if (!std::getline(file, line)) {
    return environment_error("{}: cannot be read (the kernel needs CONFIG_NF_CONNTRACK_PROCFS)",
                             kPath);
  }
  std::istringstream header(line);
  std::vector<std::string> names;
  for (std::string name; header >> name;) names.push_back(name);

  // One line for each CPU; `entries` is the same in all.
  ConntrackStatistics statistics;
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::string field;
    for (size_t column = 0; column < names.size() && row >> field; ++column) {
      const uint64_t value = std::stoull(field, nullptr, 16);
      if (names[column] == "entries") statistics.entries = value;
      if (names[column] == "invalid") statistics.invalid += value;
      if (names[column] == "insert_failed") statistics.insert_failed += value;
      if (names[column] == "drop") statistics.drop += value;
      if (names[column] == "early_drop") statistics.early_drop += value;
    }
  }
  return statistics;
}

}  // namespace kubeproof
