// Kernel settings that the datapath needs while it is attached, put back afterwards.
#pragma once

#include <map>
#include <string>

#include "model/result.h"

namespace kubeproof::control {

class KernelSettings {
 public:
  KernelSettings() = default;
  KernelSettings(const KernelSettings&) = delete;
  KernelSettings& operator=(const KernelSettings&) = delete;
  ~KernelSettings();

  // `path` below /proc/sys, of the network namespace of the calling thread. The value that was
  // there first is the one that is put back.
  Result<void> set(const std::string& path, const std::string& value);

 private:
  std::map<std::string, std::string> former_;
};

}  // namespace kubeproof::control
