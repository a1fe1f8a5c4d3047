// One capture file, pcap or pcapng, read frame by frame through libpcap.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/packet/bytes.h"
#include "model/result.h"

struct pcap;

namespace kubeproof {

struct Frame {
  uint64_t number = 0;              // from 1
  std::chrono::nanoseconds time{};  // since the epoch
  ByteView bytes;                   // what was captured, from the link-layer header on
  uint32_t wire_length = 0;
};

class CaptureFile {
 public:
  // Fails where the file cannot be read, is not a capture, or has a link type that link_layer.h
  // does not know.
  static Result<CaptureFile> open(const std::string& path);

  const std::string& path() const { return path_; }
  int link_type() const { return link_type_; }  // DLT_…

  // The next frame, valid until the next call; empty at the end, which may be premature.
  std::optional<Frame> next();

  // Why the file ended before its end, where it did: one line.
  const std::optional<std::string>& damage() const { return damage_; }
  uint64_t frames() const { return frames_; }

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };

  CaptureFile(std::string path, pcap* handle);

  std::string path_;
  std::unique_ptr<pcap, Close> pcap_;
  int link_type_;
  uint64_t frames_ = 0;
  std::optional<std::string> damage_;
};

}  // namespace kubeproof
