#include "replay/capture/merged_frames.h"

#include <algorithm>

namespace kubeproof {

Result<MergedFrames> MergedFrames::open(const std::vector<std::string>& paths) {
  std::vector<CaptureFile> files;
  for (const std::string& path : paths) {
    auto file = CaptureFile::open(path);
    if (!file) return tl::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  return MergedFrames(std::move(files));
}

MergedFrames::MergedFrames(std::vector<CaptureFile> files)
    : files_(std::move(files)), heads_(files_.size()) {
  for (size_t file = 0; file < files_.size(); ++file) advance(file);
}

void MergedFrames::advance(size_t file) {
  Head& head = heads_[file];
  head.frame = files_[file].next();
  if (head.frame) head.time = std::max(head.time, head.frame->time);
}

std::optional<MergedFrames::Item> MergedFrames::next() {
  if (given_out_) advance(*given_out_);
  given_out_.reset();
  for (size_t file = 0; file < heads_.size(); ++file) {
    if (heads_[file].frame && (!given_out_ || heads_[file].time < heads_[*given_out_].time)) {
      given_out_ = file;
    }
  }
  if (!given_out_) return std::nullopt;
  Item item;
  item.file = static_cast<uint32_t>(*given_out_);
  item.link_type = files_[*given_out_].link_type();
  item.frame = *heads_[*given_out_].frame;
  return item;
}

}  // namespace kubeproof
