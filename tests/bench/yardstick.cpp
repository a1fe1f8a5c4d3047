#include "tests/bench/yardstick.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tests/bench/bench_traffic.h"
#include "tests/bench/registration.h"

namespace kubeproof {

Yardstick::Yardstick(FileDescriptor program)
    : program_(std::move(program)), packet_(data_segment(bench_client(), bench_elsewhere())) {
  packet_.insert(packet_.begin(), 14, 0);  // Ethernet
}

Result<Yardstick> Yardstick::create() {
  constexpr std::array<bpf_insn, 2> kPass = {{
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
  }};
  FileDescriptor program(
      bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "empty", "GPL", kPass.data(), kPass.size(), nullptr));
  if (!program) {
    return environment_error("cannot load a BPF program: {}", std::strerror(errno));
  }
  return Yardstick(std::move(program));
}

Result<void> Yardstick::run() {
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = packet_.data();
  options.data_size_in = static_cast<uint32_t>(packet_.size());
  if (const int error = bpf_prog_test_run_opts(program_.get(), &options); error != 0) {
    return environment_error("an empty program does not run: {}", std::strerror(-error));
  }
  return {};
}

double Yardstick::measure() {
  constexpr int kRuns = 20'000;
  timespec begin{};
  timespec end{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
  for (int i = 0; i < kRuns; ++i) {
    if (!run()) return 0;
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
  return (static_cast<double>(end.tv_sec - begin.tv_sec) * 1e9 +
          static_cast<double>(end.tv_nsec - begin.tv_nsec)) /
         kRuns;
}

void register_yardstick() {
  register_benchmark(kYardstickName, [](benchmark::State& state) {
    auto yardstick = Yardstick::create();
    if (!yardstick) return state.SkipWithError(yardstick.error().message.c_str());
    for ([[maybe_unused]] auto iteration : state) {
      if (!yardstick->run()) return state.SkipWithError("the program did not run");
    }
  });
}

}  // namespace kubeproof
