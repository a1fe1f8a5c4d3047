#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <string_view>

#include "replay/engine/ebpf_engine.h"
#include "replay/engine/engine_probe.h"
#include "replay/engine/file_descriptor.h"
#include "replay/engine/private_namespace.h"

namespace kubeproof {
namespace {

// exit code 0
constexpr std::array<bpf_insn, 2> kEmptyProgram = {
    bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
    bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
};

struct MapFeature {
  bpf_map_type type;
  std::string_view name;
};
constexpr std::array kMaps = {
    MapFeature{BPF_MAP_TYPE_ARRAY, "array"},
    MapFeature{BPF_MAP_TYPE_HASH, "hash"},
    MapFeature{BPF_MAP_TYPE_LRU_HASH, "LRU hash"},
    MapFeature{BPF_MAP_TYPE_RINGBUF, "ring buffer"},
};

struct HelperFeature {
  bpf_func_id id;
  std::string_view name;
};
constexpr std::array kHelpers = {
    HelperFeature{BPF_FUNC_skb_change_tail, "bpf_skb_change_tail"},
    HelperFeature{BPF_FUNC_csum_diff, "bpf_csum_diff"},
    HelperFeature{BPF_FUNC_fib_lookup, "bpf_fib_lookup"},
    HelperFeature{BPF_FUNC_redirect_neigh, "bpf_redirect_neigh"},
    HelperFeature{BPF_FUNC_ringbuf_output, "bpf_ringbuf_output"},
};

constexpr std::array kXdpHelpers = {
    HelperFeature{BPF_FUNC_xdp_load_bytes, "bpf_xdp_load_bytes"},
    HelperFeature{BPF_FUNC_csum_diff, "bpf_csum_diff"},
    HelperFeature{BPF_FUNC_fib_lookup, "bpf_fib_lookup"},
    HelperFeature{BPF_FUNC_redirect, "bpf_redirect"},
};

// Empty where a program runs on a packet, else what keeps it from doing so.
std::optional<std::string> test_run_missing(bpf_prog_type type, std::string_view hook,
                                            std::string_view option) {
  const FileDescriptor program(bpf_prog_load(type, "kubeproof_probe", "GPL", kEmptyProgram.data(),
                                             kEmptyProgram.size(), nullptr));
  if (!program) {
    return fmt::format(
        "BPF programs at {} cannot be loaded ({}): run as root or with CAP_BPF "
        "and CAP_NET_ADMIN; the kernel needs CONFIG_BPF_SYSCALL and {}",
        hook, std::strerror(errno), option);
  }
  std::array<uint8_t, 64> packet{};
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = packet.data();
  options.data_size_in = packet.size();
  options.repeat = 1;
  if (bpf_prog_test_run_opts(program.get(), &options) != 0) {
    return fmt::format("BPF_PROG_TEST_RUN of a program at {} fails ({})", hook,
                       std::strerror(errno));
  }
  return {};
}

void add_missing_helpers(EngineProbe& probe, bpf_prog_type type,
                         std::span<const HelperFeature> helpers) {
  for (const HelperFeature& helper : helpers) {
    if (libbpf_probe_bpf_helper(type, helper.id, nullptr) != 1) {
      probe.missing.push_back(fmt::format("the BPF helper {}: a newer kernel", helper.name));
    }
  }
}

void add_missing_of_tc(EngineProbe& probe) {
  if (const auto missing =
          test_run_missing(BPF_PROG_TYPE_SCHED_CLS, "tc hooks", "CONFIG_NET_CLS_BPF")) {
    probe.missing.push_back(*missing);
    return;
  }
  for (const MapFeature& map : kMaps) {
    if (libbpf_probe_bpf_map_type(map.type, nullptr) != 1) {
      probe.missing.push_back(fmt::format("BPF maps of type {}: a newer kernel", map.name));
    }
  }
  add_missing_helpers(probe, BPF_PROG_TYPE_SCHED_CLS, kHelpers);
  if (const auto space = PrivateNamespace::create(); !space) {
    probe.missing.push_back(space.error().message);
  }
}

void add_missing_of_xdp(EngineProbe& probe) {
  if (const auto missing = test_run_missing(BPF_PROG_TYPE_XDP, "XDP", "CONFIG_NET")) {
    probe.missing.push_back(*missing);
    return;
  }
  add_missing_helpers(probe, BPF_PROG_TYPE_XDP, kXdpHelpers);
}

// Where nothing is known to be missing, the verifier has its say.
void try_programs(EngineProbe& probe, bool xdp) {
  if (!probe.available()) return;
  if (const auto engine = make_ebpf_engine({.xdp = xdp}); !engine) {
    probe.missing.push_back(engine.error().message);
  }
}

}  // namespace

EngineProbe probe_ebpf_tc() {
  EngineProbe probe{"ebpf-tc", {}, {}};
  add_missing_of_tc(probe);
  try_programs(probe, false);
  return probe;
}

// All that ebpf-tc needs, too: its programs stand behind XDP.
EngineProbe probe_ebpf_xdp() {
  EngineProbe probe{"ebpf-xdp", {}, {}};
  add_missing_of_tc(probe);
  if (probe.available()) add_missing_of_xdp(probe);
  try_programs(probe, true);
  return probe;
}

}  // namespace kubeproof
