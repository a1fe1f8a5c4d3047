#include "tests/attached/slow_run.h"

#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "slow.skel.h"

namespace kubeproof::attached {
namespace {

// As slow.bpf.c has them.
constexpr uint32_t kBegun = 1;
constexpr uint32_t kOver = 2;

uint32_t progress(const slow_bpf& object) {
  return *const_cast<const volatile uint32_t*>(&object.bss->progress);
}

}  // namespace

void SlowRun::Destroy::operator()(slow_bpf* object) const {
  slow_bpf::destroy(object);
}

Result<SlowRun> SlowRun::load() {
  slow_bpf* object = slow_bpf::open_and_load();
  if (object == nullptr) {
    return environment_error("cannot load a program that takes long: {}", std::strerror(errno));
  }
  return SlowRun(object);
}

SlowRun::~SlowRun() {
  if (thread_.joinable()) thread_.join();
}

void SlowRun::begin() {
  thread_ = std::thread([program = bpf_program__fd(object_->progs.slow)] {
    const std::array<char, ETH_HLEN + 20> packet{};
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = packet.data();
    options.data_size_in = packet.size();
    bpf_prog_test_run_opts(program, &options);
  });
  while (progress(*object_) < kBegun) std::this_thread::yield();
}

bool SlowRun::is_over() const {
  return progress(*object_) == kOver;
}

}  // namespace kubeproof::attached
