#include "replay/capture/capture_writer.h"

#include <pcap/pcap.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace kubeproof {

void CaptureWriter::Close::operator()(pcap* handle) const {
  pcap_close(handle);
}

void CaptureWriter::Close::operator()(pcap_dumper* dumper) const {
  pcap_dump_close(dumper);
}

Result<CaptureWriter> CaptureWriter::create(const std::string& path) {
  return create(path, DLT_RAW);
}

Result<CaptureWriter> CaptureWriter::create(const std::string& path, int link_type) {
  std::FILE* file = std::fopen(path.c_str(), "wbe");
  if (file == nullptr) return bad_input("{}: {}", path, std::strerror(errno));
  constexpr int kSnapLength = 262144;
  std::unique_ptr<pcap, Close> handle(
      pcap_open_dead_with_tstamp_precision(link_type, kSnapLength, PCAP_TSTAMP_PRECISION_NANO));
  std::unique_ptr<pcap_dumper, Close> dumper(pcap_dump_fopen(handle.get(), file));
  if (!dumper) return bad_input("{}: {}", path, pcap_geterr(handle.get()));
  return CaptureWriter(path, std::move(handle), std::move(dumper));
}

void CaptureWriter::write(std::chrono::nanoseconds time, ByteView packet) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  pcap_pkthdr header{};
  header.ts.tv_sec = seconds.count();
  header.ts.tv_usec = (time - seconds).count();  // nanoseconds, as the file's header says
  header.caplen = header.len = static_cast<uint32_t>(packet.size());
  // libpcap's callback signature has this handle as its user data.
  pcap_dump(reinterpret_cast<u_char*>(dumper_.get()), &header, packet.data());
}

Result<void> CaptureWriter::finish() {
  const bool failed =
      pcap_dump_flush(dumper_.get()) != 0 || std::ferror(pcap_dump_file(dumper_.get())) != 0;
  const int error = errno;
  dumper_.reset();
  if (failed) return bad_input("{}: {}", path_, std::strerror(error));
  return {};
}

}  // namespace kubeproof
