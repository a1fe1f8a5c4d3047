#include "tests/attached/slow_run.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace kubeproof::attached {
namespace {

constexpr uint32_t kBegun = 1;
constexpr uint32_t kOver = 2;

constexpr bpf_insn store(uint32_t value) {
  return {BPF_ST | BPF_MEM | BPF_W, BPF_REG_1, 0, 0, static_cast<int32_t>(value)};
}

// `may_goto`: goes on for as long as the kernel allows a program to.
constexpr bpf_insn may_goto(int16_t offset) {
  constexpr uint8_t kConditional = 0xe0;
  return {BPF_JMP | kConditional, 0, 0, offset, 0};
}

}  // namespace

Result<SlowRun> SlowRun::load() {
  SlowRun run;
  run.progress_ = FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, "progress", sizeof(uint32_t),
                                                sizeof(uint32_t), 1, nullptr));
  const std::array program = {
      bpf_insn{BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, 0, run.progress_.get()},
      bpf_insn{},
      store(kBegun),
      may_goto(1),
      bpf_insn{BPF_JMP | BPF_JA, 0, 0, -2, 0},
      store(kOver),
      bpf_insn{BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0},
      bpf_insn{BPF_JMP | BPF_EXIT, 0, 0, 0, 0},
  };
  run.program_ = FileDescriptor(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "slow", "GPL",
                                              program.data(), program.size(), nullptr));
  if (!run.program_) {
    return environment_error("cannot load a program that takes long: {}", std::strerror(errno));
  }
  return run;
}

SlowRun::~SlowRun() {
  if (thread_.joinable()) thread_.join();
}

void SlowRun::begin() {
  thread_ = std::thread([program = program_.get()] {
    const std::array<char, ETH_HLEN + 20> packet{};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    bpf_prog_test_run_opts(program, &options);
  });
  while (progress() < kBegun) std::this_thread::yield();
}

bool SlowRun::is_over() const {
  return progress() == kOver;
}

uint32_t SlowRun::progress() const {
  const uint32_t first = 0;
  uint32_t value = 0;
  bpf_map_lookup_elem(progress_.get(), &first, &value);
  return value;
}

}  // namespace kubeproof::attached
