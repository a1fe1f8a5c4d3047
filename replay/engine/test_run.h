// One tc program, run by the kernel on one packet at a time (BPF_PROG_TEST_RUN,
// net/bpf/test_run.c).
//
// A test run needs an Ethernet header in front, and finds the device by its index in the network
// namespace of the calling thread; helpers that look at routes look there, too. Of the context only
// mark, priority, indices of interfaces, cb, time stamp and segmentation fields may be given; the
// protocol follows from the Ethernet header, and the packet type from its destination address,
// which is the device's own where both are zero. Where a redirect went, a run does not say.
//
// Where the kernel can (since 6.11), packets of up to 548 bytes, fragments apart, come with the sum
// over all of each that a device may have made (CHECKSUM_COMPLETE), and after the run the kernel
// holds the packet to it: a program that changes bytes behind the back of the checksum helpers is
// found out.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

#include "model/packet/bytes.h"
#include "model/result.h"

namespace kubeproof {

// An Ethernet header for the packet's family, from and to an address of zeros, and the packet.
void put_frame(ByteView packet, Bytes& frame);

class TestRun {
 public:
  // A program of type BPF_PROG_TYPE_SCHED_CLS, which stays the caller's. `name` is for errors.
  TestRun(int program_fd, std::string name);

  struct Context {
    uint32_t interface = 0;  // __sk_buff.ifindex: the device whose hook this is
    uint32_t ingress = 0;    // __sk_buff.ingress_ifindex: where it came in, 0 for the host's own
    uint32_t mark = 0;
    std::array<uint32_t, 5> cb{};
    uint32_t segment_size = 0;  // __sk_buff.gso_size: payload of each, if it is yet to be cut
    bool looped_back = false;   // what the host itself sends to many: not for it by its packet type
    bool device_sum = true;     // whether the packet comes with one, where it can
  };
  struct Output {
    // The packet does not match the device's sum any more. Of such a packet the kernel gives back
    // nothing; the verdict is TC_ACT_SHOT.
    bool device_sum_lost = false;
    int verdict = 0;  // TC_ACT_*
    ByteView packet;  // from the network header; valid until the next run
    uint32_t mark = 0;
    std::array<uint32_t, 5> cb{};
    std::chrono::nanoseconds duration{};  // of the program alone, as the kernel measures it
  };

  // The packets that a test run takes and, with the Ethernet header, one page less what the
  // kernel keeps around them.
  static constexpr size_t kLargestPacket = 3500;

  Result<Output> run(ByteView packet, const Context& context);

 private:
  int program_fd_;
  std::string name_;
  bool with_device_sum_ = true;
  Bytes input_;
  Bytes output_;
};

}  // namespace kubeproof
