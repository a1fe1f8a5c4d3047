// The datapath's programs, run by BPF_PROG_TEST_RUN on a simulated node: at tc of every interface,
// and, if asked for, at XDP of the uplinks. The kernel's part that test runs do reach, routes,
// neighbours and interfaces by index, is real: it lies in a private network namespace.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "model/result.h"
#include "replay/engine/engine.h"

namespace kubeproof {

struct EbpfOptions {
  std::optional<std::filesystem::path> object_file{};  // in place of the built-in programs
  uint64_t seed = 0;                                   // of the datapath's choices; 0: the kernel's
  bool xdp = false;  // engine ebpf-xdp: XDP on uplinks, with tc behind it; otherwise ebpf-tc
};

// Makes engines from programs that are loaded once: the verifier takes longer over them than most
// cases take.
class EbpfEngines {
 public:
  explicit EbpfEngines(EbpfOptions options = {});

  // With the programs of an engine that is gone, if there is one, and nothing of what it met; or
  // with programs loaded now, so that what the machine lacks is known at once.
  Result<std::unique_ptr<Engine>> make();

  class IdlePrograms;

 private:
  EbpfOptions options_;
  std::shared_ptr<IdlePrograms> idle_;
};

// One alone.
Result<std::unique_ptr<Engine>> make_ebpf_engine(const EbpfOptions& options = {});

}  // namespace kubeproof
