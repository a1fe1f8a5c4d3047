#include "replay/capture/capture_file.h"

#include <pcap/pcap.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "replay/capture/link_layer.h"

namespace kubeproof {
namespace {

// libpcap reads through the stream, frame by frame.
constexpr size_t kStreamBuffer = size_t{1} << 18;

// Captures are read more than once, so a pipe will not do; opening one might wait forever besides.
Result<void> check_kind(const std::string& path) {
  if (path == "-") {
    return bad_input("-: a capture is read more than once, expected a file, not standard input");
  }
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return bad_input("{}: {}", path, std::strerror(errno));
  if (S_ISREG(status.st_mode)) return {};
  if (S_ISDIR(status.st_mode)) return bad_input("{}: a directory, expected a capture", path);
  return bad_input("{}: a capture is read more than once, expected a file, not a pipe or device",
                   path);
}

// What a crash or a full disk leaves behind, and no capture holds: records of zeros only.
bool is_blank(const pcap_pkthdr& header) {
  return header.len == 0 && header.caplen == 0 && header.ts.tv_sec == 0 && header.ts.tv_usec == 0;
}

// pcapng has room for times that nanoseconds in 64 bits have not; from a damaged file any may come.
// They stay within the range of pcap, so that sums and differences of times exist.
std::chrono::nanoseconds time_of(const timeval& stamp) {
  const auto seconds = std::clamp<int64_t>(stamp.tv_sec, 0, UINT32_MAX);
  const auto rest =
      std::clamp<int64_t>(stamp.tv_usec, 0, 999'999'999);  // nanoseconds, as asked for
  return std::chrono::seconds(seconds) + std::chrono::nanoseconds(rest);
}

}  // namespace

Result<CaptureFile> CaptureFile::open(const std::string& path) {
  if (auto readable = check_kind(path); !readable) return tl::unexpected(readable.error());
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                       &std::fclose);
  if (!file) return bad_input("{}: {}", path, std::strerror(errno));
  std::setvbuf(file.get(), nullptr, _IOFBF, kStreamBuffer);
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  pcap* handle = pcap_fopen_offline_with_tstamp_precision(file.get(), PCAP_TSTAMP_PRECISION_NANO,
                                                          error.data());
  if (handle == nullptr) {
    return bad_input("{}: not a pcap or pcapng capture: {}", path, error.data());
  }
  static_cast<void>(file.release());  // libpcap's from here on
  CaptureFile capture(path, handle);
  if (!is_supported_link_type(capture.link_type_)) {
    const char* name = pcap_datalink_val_to_name(capture.link_type_);
    return bad_input("{}: link type {} ({}) is not supported, expected one of: {}", path,
                     capture.link_type_, name != nullptr ? name : "unknown",
                     supported_link_types());
  }
  return capture;
}

void CaptureFile::Close::operator()(pcap* handle) const {
  pcap_close(handle);
}

CaptureFile::CaptureFile(std::string path, pcap* handle)
    : path_(std::move(path)), pcap_(handle), link_type_(pcap_datalink(handle)) {}

std::optional<Frame> CaptureFile::next() {
  if (damage_) return std::nullopt;
  pcap_pkthdr* header = nullptr;
  const u_char* data = nullptr;
  const int status = pcap_next_ex(pcap_.get(), &header, &data);
  if (status == 1 && is_blank(*header)) {
    damage_ = fmt::format("{}: after frame {}: nothing but zeros", path_, frames_);
    return std::nullopt;
  }
  if (status == 1) {
    Frame frame;
    frame.number = ++frames_;
    frame.time = time_of(header->ts);
    frame.bytes = ByteView(data, header->caplen);
    frame.wire_length = header->len;
    return frame;
  }
  if (status != PCAP_ERROR_BREAK) {
    damage_ = fmt::format("{}: after frame {}: {}", path_, frames_, pcap_geterr(pcap_.get()));
  }
  return std::nullopt;
}

}  // namespace kubeproof
