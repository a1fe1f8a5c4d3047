#include "replay/engine/test_run.h"

#include <bpf/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <utility>

#include "model/node/ip_header.h"
#include "model/packet/packet_view.h"

namespace kubeproof {
namespace {

constexpr uint8_t kForeignAddress = 2;  // its first byte
// No packet can grow beyond it, so that no run has to be repeated (and its effects on maps doubled)
// because the result did not fit.
constexpr size_t kOutputSize = 0x10000 + ETH_HLEN;
// What is given of a context ends here; the kernel takes the rest for zero.
constexpr size_t kGivenContext = offsetof(__sk_buff, gso_size) + sizeof(__sk_buff::gso_size);
constexpr uint32_t kWithDeviceSum = 1U << 2;  // BPF_F_TEST_SKB_CHECKSUM_COMPLETE
// Of a longer packet a program may have to cut the end, to quote the rest in an ICMP error. There
// the kernel gives up the sum (__skb_trim_rcsum()), and a test run goes on to hold the packet to
// it.
constexpr size_t kLargestQuotedWhole = 576 - 20 - 8;

// A fragment, which may be made its datagram: when a packet grows at its end, the kernel gives up
// the sum (__skb_grow_rcsum()), but looks at it after a test run all the same. So with a trailer,
// which an ICMP error does not quote.
bool may_end_elsewhere(ByteView packet) {
  const auto view = parse_packet(packet);
  return view && (view->is_fragment || view->fragment_header_offset != 0 ||
                  view->total_length < packet.size());
}

// bpf_prog_test_run_skb() asks for as much as the fixed header.
size_t shortest(ByteView packet) {
  return !packet.empty() && packet[0] >> 4 == 6 ? kIpv6HeaderSize : kIpv4HeaderSize;
}

}  // namespace

void put_frame(ByteView packet, Bytes& frame) {
  const bool ipv6 = !packet.empty() && packet[0] >> 4 == 6;
  frame.assign(ETH_HLEN, 0);
  store16(frame, ETH_HLEN - 2, ipv6 ? ETH_P_IPV6 : ETH_P_IP);
  frame.insert(frame.end(), packet.begin(), packet.end());
}

TestRun::TestRun(int program_fd, std::string name)
    : program_fd_(program_fd), name_(std::move(name)), output_(kOutputSize) {
  input_.reserve(ETH_HLEN + kLargestPacket);
}

Result<TestRun::Output> TestRun::run(ByteView packet, const Context& context) {
  if (packet.size() > kLargestPacket) {
    return environment_error("{}: a test run takes packets of up to {} bytes, this one has {}",
                             name_, kLargestPacket, packet.size());
  }
  if (packet.size() < shortest(packet)) {
    return environment_error(
        "{}: a test run takes no packet that is shorter than its IP header, this "
        "one has {} bytes",
        name_, packet.size());
  }
  put_frame(packet, input_);
  // PACKET_OTHERHOST, which is as near to PACKET_LOOPBACK as a test run gets.
  if (context.looped_back) input_[0] = kForeignAddress;

  __sk_buff given{};
  given.mark = context.mark;
  given.ifindex = context.interface;
  given.ingress_ifindex = context.ingress;
  std::copy(context.cb.begin(), context.cb.end(), given.cb);
  given.gso_size = context.segment_size;
  __sk_buff returned{};

  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = input_.data();
  options.data_size_in = static_cast<uint32_t>(input_.size());
  options.data_out = output_.data();
  options.data_size_out = static_cast<uint32_t>(output_.size());
  options.ctx_in = &given;
  options.ctx_size_in = kGivenContext;
  options.ctx_out = &returned;
  options.ctx_size_out = sizeof(returned);

  bool with_sum = with_device_sum_ && context.device_sum && packet.size() <= kLargestQuotedWhole &&
                  !may_end_elsewhere(packet);
  int error = 0;
  for (;;) {
    options.flags = with_sum ? kWithDeviceSum : 0;
    error = bpf_prog_test_run_opts(program_fd_, &options);
    // Before the program ran; a single run is not interrupted after it.
    if (error == -EINTR) continue;
    if (error != -EINVAL || !with_sum) break;
    with_sum = with_device_sum_ = false;  // a kernel that does not know the flag has run nothing
  }
  Output result;
  if (error == -EBADMSG) {
    result.device_sum_lost = true;
    result.verdict = TC_ACT_SHOT;
    return result;
  }
  if (error != 0) {
    return environment_error("{}: test run on a packet of {} bytes at interface {}: {}", name_,
                             packet.size(), context.interface, std::strerror(-error));
  }
  if (options.data_size_out < ETH_HLEN) {
    return environment_error("{}: a test run returned {} bytes, less than an Ethernet header",
                             name_, options.data_size_out);
  }

  result.verdict = static_cast<int>(options.retval);
  result.duration = std::chrono::nanoseconds(options.duration);
  result.packet = ByteView(output_).subspan(ETH_HLEN, options.data_size_out - ETH_HLEN);
  result.mark = returned.mark;
  std::copy_n(returned.cb, result.cb.size(), result.cb.begin());
  return result;
}

}  // namespace kubeproof
