// Kernel settings that the datapath needs while it is attached, put back afterwards.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "datapath/control/kept_namespace.h"
#include "model/result.h"

namespace kubeproof::control {

class KernelSettings {
 public:
  KernelSettings() = default;
  KernelSettings(const KernelSettings&) = delete;
  KernelSettings& operator=(const KernelSettings&) = delete;
  ~KernelSettings() { restore(); }

  // Kernels without IPv6 lack its settings.
  static bool exists(const std::string& path);
  // `path` below /proc/sys, of the network namespace that the thread was in that called first. The
  // value that was there first is the one that is put back.
  Result<void> set(const std::string& path, const std::string& value);
  void restore();

 private:
  Result<void> set_here(const std::string& path, const std::string& value);

  std::optional<KeptNamespace> space_;
  std::map<std::string, std::string> former_;
};

}  // namespace kubeproof::control
