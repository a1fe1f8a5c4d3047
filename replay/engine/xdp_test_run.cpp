#include "replay/engine/xdp_test_run.h"

#include <bpf/bpf.h>
#include <linux/if_ether.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "replay/engine/test_run.h"

namespace kubeproof {
namespace {

constexpr size_t kOutputSize = 0x10000 + ETH_HLEN;

}  // namespace

XdpTestRun::XdpTestRun(int program_fd, std::string name)
    : program_fd_(program_fd), name_(std::move(name)), output_(kOutputSize) {
  input_.reserve(ETH_HLEN + TestRun::kLargestPacket);
}

ByteView XdpTestRun::Output::packet() const {
  return frame.subspan(ETH_HLEN);
}

Result<XdpTestRun::Output> XdpTestRun::run_frame(ByteView frame, uint32_t interface) {
  if (frame.size() > ETH_HLEN + TestRun::kLargestPacket) {
    return environment_error("{}: a test run takes frames of up to {} bytes, this one has {}",
                             name_, ETH_HLEN + TestRun::kLargestPacket, frame.size());
  }
  xdp_md given{};
  given.data_end = static_cast<uint32_t>(frame.size());
  given.ingress_ifindex = interface;

  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame.data();
  options.data_size_in = static_cast<uint32_t>(frame.size());
  options.data_out = output_.data();
  options.data_size_out = static_cast<uint32_t>(output_.size());
  options.ctx_in = &given;
  options.ctx_size_in = sizeof(given);
  options.repeat = 1;

  int error = 0;
  do {
    error = bpf_prog_test_run_opts(program_fd_, &options);
  } while (error == -EINTR);  // before the program ran; a single run is not interrupted after it
  if (error != 0) {
    return environment_error("{}: test run on a frame of {} bytes at interface {}: {}", name_,
                             frame.size(), interface, std::strerror(-error));
  }
  if (options.data_size_out < ETH_HLEN) {
    return environment_error("{}: a test run returned {} bytes, less than an Ethernet header",
                             name_, options.data_size_out);
  }
  Output result;
  result.verdict = static_cast<int>(options.retval);
  result.duration = std::chrono::nanoseconds(options.duration);
  result.frame = ByteView(output_).first(options.data_size_out);
  return result;
}

Result<XdpTestRun::Output> XdpTestRun::run(ByteView packet, uint32_t interface) {
  if (packet.size() > TestRun::kLargestPacket) {
    return environment_error("{}: a test run takes packets of up to {} bytes, this one has {}",
                             name_, TestRun::kLargestPacket, packet.size());
  }
  put_frame(packet, input_);
  return run_frame(input_, interface);
}

}  // namespace kubeproof
