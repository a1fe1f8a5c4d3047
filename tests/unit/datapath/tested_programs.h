// The programs that tests are about: the built-in ones, or what tests/breaks puts in their place.
#pragma once

#include <bpf/libbpf.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

namespace kubeproof {

inline std::optional<std::filesystem::path> tested_programs() {
  const char* file = std::getenv("KUBEPROOF_BPF_OBJECT");
  return file == nullptr ? std::nullopt : std::optional<std::filesystem::path>(file);
}

// Where this is so, programs that do not load are a failure, and no reason to skip a test.
inline bool programs_should_load() {
  return libbpf_probe_bpf_prog_type(BPF_PROG_TYPE_SCHED_CLS, nullptr) == 1;
}

}  // namespace kubeproof
