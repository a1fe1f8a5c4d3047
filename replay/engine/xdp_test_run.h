// One program at XDP, run by the kernel on one frame at a time (BPF_PROG_TEST_RUN,
// net/bpf/test_run.c). The device is found by its index in the network namespace of the calling
// thread; helpers that look at routes look there, too. Nothing is sent: what becomes of the frame
// is the return code, and where a redirect would have led, a run does not say.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "model/packet/bytes.h"
#include "model/result.h"

namespace kubeproof {

class XdpTestRun {
 public:
  // A program of type BPF_PROG_TYPE_XDP, which stays the caller's. `name` is for errors.
  XdpTestRun(int program_fd, std::string name);

  struct Output {
    int verdict = 0;                      // XDP_*
    ByteView frame;                       // valid until the next run
    std::chrono::nanoseconds duration{};  // of the program alone, as the kernel measures it

    ByteView packet() const;  // from the network header
  };

  // As they came from the link: with an Ethernet header.
  Result<Output> run_frame(ByteView frame, uint32_t interface);
  // With a header from and to an address of zeros.
  Result<Output> run(ByteView packet, uint32_t interface);

 private:
  int program_fd_;
  std::string name_;
  Bytes input_;
  Bytes output_;
};

}  // namespace kubeproof
