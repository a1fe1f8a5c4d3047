// Packets out as a pcap file that Wireshark opens, time in nanoseconds: raw IP, or frames as
// another capture holds them.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "model/packet/bytes.h"
#include "model/result.h"

struct pcap;
struct pcap_dumper;

namespace kubeproof {

class CaptureWriter {
 public:
  static Result<CaptureWriter> create(const std::string& path);
  // With the link-layer headers of another capture (DLT_…).
  static Result<CaptureWriter> create(const std::string& path, int link_type);

  void write(std::chrono::nanoseconds time, ByteView packet);

  // Everything is on its way to the disk, or the error says what is not. Call it once, at the end.
  Result<void> finish();

 private:
  struct Close {
    void operator()(pcap* handle) const;
    void operator()(pcap_dumper* dumper) const;
  };

  CaptureWriter(std::string path, std::unique_ptr<pcap, Close> handle,
                std::unique_ptr<pcap_dumper, Close> dumper)
      : path_(std::move(path)), handle_(std::move(handle)), dumper_(std::move(dumper)) {}

  std::string path_;
  std::unique_ptr<pcap, Close> handle_;
  std::unique_ptr<pcap_dumper, Close> dumper_;
};

}  // namespace kubeproof
