// The frames of several capture files as one stream, by time. Within a file the order stays as it
// is.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "model/result.h"
#include "replay/capture/capture_file.h"

namespace kubeproof {

class MergedFrames {
 public:
  struct Item {
    uint32_t file = 0;
    int link_type = 0;
    Frame frame;  // valid until the next call
  };

  static Result<MergedFrames> open(const std::vector<std::string>& paths);

  std::optional<Item> next();

  const std::vector<CaptureFile>& files() const { return files_; }
  // Whether all frames of a file have been given out.
  bool is_exhausted(size_t file) const { return !heads_[file].frame; }

 private:
  struct Head {
    std::optional<Frame> frame;
    std::chrono::nanoseconds time{};  // never less than that of the frame before
  };

  explicit MergedFrames(std::vector<CaptureFile> files);
  void advance(size_t file);

  std::vector<CaptureFile> files_;
  std::vector<Head> heads_;
  std::optional<size_t> given_out_;  // whose head to replace first
};

}  // namespace kubeproof
