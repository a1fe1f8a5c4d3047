// What it takes the kernel to let the programs in.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/unit/datapath/xdp_fixture.h"

namespace kubeproof::control {
namespace {

class LoadProgram : public XdpProgramTest {};

// The verifier gives up after a million instructions (BPF_COMPLEXITY_LIMIT_INSNS in linux/bpf.h),
// and some kernels walk more of them than others through the same program.
TEST_F(LoadProgram, LeavesTheVerifierRoomOnOtherKernels) {
  constexpr uint32_t kMost = 400'000;
  for (const int program :
       {datapath_->ingress_program(), datapath_->egress_program(), datapath_->xdp_program()}) {
    bpf_prog_info info{};
    uint32_t size = sizeof info;
    ASSERT_EQ(bpf_obj_get_info_by_fd(program, &info, &size), 0) << std::strerror(errno);
    EXPECT_GT(info.verified_insns, 0);
    EXPECT_LE(info.verified_insns, kMost)
        << info.name << ": loops multiply with what is decided before them; in a function of their "
        << "own they do not (datapath/bpf/verified_once.bpf.h)";
    RecordProperty(info.name, info.verified_insns);
  }
}

}  // namespace
}  // namespace kubeproof::control
