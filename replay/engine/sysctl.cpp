#include "replay/engine/sysctl.h"

#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "replay/engine/file_descriptor.h"

namespace kubeproof {

Result<void> write_sysctl(std::string_view name, std::string_view value, SysctlNeed need) {
  const std::string path = fmt::format("/proc/sys/net/{}", name);
  const FileDescriptor file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file && errno == ENOENT && need == SysctlNeed::kWhereKnown) return {};
  const std::string line = fmt::format("{}\n", value);
  // Older kernels say that they took one byte of what they took all of
  // (addrconf_fixup_forwarding() in net/ipv6/addrconf.c).
  if (!file || write(file.get(), line.data(), line.size()) < 0) {
    return environment_error("{}: cannot be set to '{}' ({})", path, value, std::strerror(errno));
  }
  return {};
}

Result<std::string> read_sysctl(std::string_view name) {
  const std::string path = fmt::format("/proc/sys/net/{}", name);
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> text{};
  const ssize_t got = file ? read(file.get(), text.data(), text.size()) : -1;
  if (got < 0) return environment_error("{}: cannot be read ({})", path, std::strerror(errno));
  std::string_view value(text.data(), static_cast<size_t>(got));
  while (value.ends_with('\n')) value.remove_suffix(1);
  return std::string(value);
}

}  // namespace kubeproof
