#include "datapath/control/kernel_settings.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

namespace kubeproof::control {
namespace {

std::optional<std::string> read(const std::string& path) {
  std::ifstream file("/proc/sys/" + path);
  std::string value;
  return std::getline(file, value) ? std::optional(value) : std::nullopt;
}

bool write(const std::string& path, const std::string& value) {
  std::ofstream file("/proc/sys/" + path);
  file << value << std::flush;
  return file.good();
}

}  // namespace

void KernelSettings::restore() {
  if (!former_.empty()) {
    space_->visit([this] {
      for (const auto& [path, value] : former_) write(path, value);
    });
  }
  former_.clear();
  space_.reset();
}

bool KernelSettings::exists(const std::string& path) {
  return read(path).has_value();
}

Result<void> KernelSettings::set(const std::string& path, const std::string& value) {
  if (!space_) {
    auto space = KeptNamespace::current();
    if (!space) return tl::unexpected(space.error());
    space_ = std::move(*space);
  }
  Result<void> done;
  space_->visit([&] { done = set_here(path, value); });
  return done;
}

Result<void> KernelSettings::set_here(const std::string& path, const std::string& value) {
  const auto before = read(path);
  if (!before) return environment_error("/proc/sys/{}: cannot read it", path);
  if (*before == value) return {};
  if (!write(path, value)) {
    return environment_error("/proc/sys/{}: cannot set it to {}: {}", path, value,
                             std::strerror(errno));
  }
  former_.emplace(path, *before);
  return {};
}

}  // namespace kubeproof::control
