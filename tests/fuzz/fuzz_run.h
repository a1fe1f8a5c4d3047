// Rounds of a fuzz test: as many as fit into its time, each with a generator of its own, so that
// one round can be repeated. The file of the round stays where it is when the program dies of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "tests/fuzz/mutate.h"
#include "tests/temporary_folder.h"

namespace kubeproof::fuzz {

class FuzzRun {
 public:
  FuzzRun();
  FuzzRun(const FuzzRun&) = delete;
  FuzzRun& operator=(const FuzzRun&) = delete;
  ~FuzzRun();

  // Begins the next round; false when time is up or a round failed.
  bool next();
  Random& random() { return random_; }

  // A file of this run, by name.
  std::string write(const std::string& name, const std::string& content);

  // "seed 1 round 17, files in /tmp/…", for messages.
  std::string describe() const;

 private:
  TemporaryFolder folder_;
  std::map<std::string, std::string> written_;
  std::chrono::steady_clock::time_point end_;
  uint64_t seed_;
  uint64_t round_ = 0;
  Random random_;
};

// A file of the project.
std::string read_whole(const std::string& path);

}  // namespace kubeproof::fuzz
