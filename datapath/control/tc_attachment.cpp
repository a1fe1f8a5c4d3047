#include "datapath/control/tc_attachment.h"

#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kubeproof::control {
namespace {

// Our place among the filters of a hook, so that others' stay and ours are found again.
constexpr uint32_t kHandle = 1;
constexpr uint32_t kPriority = 49152;

bpf_tc_hook hook_at(uint32_t interface, bpf_tc_attach_point point) {
  bpf_tc_hook hook{};
  hook.sz = sizeof hook;
  hook.ifindex = static_cast<int>(interface);
  hook.attach_point = point;
  return hook;
}

bpf_tc_opts our_place() {
  bpf_tc_opts options{};
  options.sz = sizeof options;
  options.handle = kHandle;
  options.priority = kPriority;
  return options;
}

Result<void> attach_program(uint32_t interface, bpf_tc_attach_point point, int program) {
  const bpf_tc_hook hook = hook_at(interface, point);
  bpf_tc_opts options = our_place();
  options.prog_fd = program;
  if (const int error = bpf_tc_attach(&hook, &options); error != 0) {
    return environment_error("cannot attach a program to interface {}: {}", interface,
                             std::strerror(-error));
  }
  return {};
}

void detach_program(uint32_t interface, bpf_tc_attach_point point) {
  const bpf_tc_hook hook = hook_at(interface, point);
  const bpf_tc_opts options = our_place();
  bpf_tc_detach(&hook, &options);
}

}  // namespace

Result<TcAttachment> TcAttachment::attach(uint32_t interface, int ingress_program,
                                          int egress_program) {
  auto space = KeptNamespace::current();
  if (!space) return tl::unexpected(space.error());
  TcAttachment attachment;
  bpf_tc_hook qdisc =
      hook_at(interface, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
  const int error = bpf_tc_hook_create(&qdisc);
  if (error != 0 && error != -EEXIST) {
    return environment_error("cannot make a clsact qdisc on interface {}: {}", interface,
                             std::strerror(-error));
  }
  attachment.space_ = std::move(*space);
  attachment.interface_ = interface;
  attachment.made_qdisc_ = error == 0;
  if (auto attached = attach_program(interface, BPF_TC_INGRESS, ingress_program); !attached) {
    return tl::unexpected(attached.error());
  }
  attachment.has_ingress_ = true;
  if (auto attached = attach_program(interface, BPF_TC_EGRESS, egress_program); !attached) {
    return tl::unexpected(attached.error());
  }
  attachment.has_egress_ = true;
  return attachment;
}

TcAttachment::TcAttachment(TcAttachment&& other) noexcept {
  *this = std::move(other);
}

TcAttachment& TcAttachment::operator=(TcAttachment&& other) noexcept {
  if (this == &other) return *this;
  detach();
  space_ = std::move(other.space_);
  interface_ = std::exchange(other.interface_, 0);
  made_qdisc_ = other.made_qdisc_;
  has_ingress_ = other.has_ingress_;
  has_egress_ = other.has_egress_;
  return *this;
}

void TcAttachment::detach() {
  if (interface_ == 0) return;
  space_.visit([this] {
    if (has_ingress_) detach_program(interface_, BPF_TC_INGRESS);
    if (has_egress_) detach_program(interface_, BPF_TC_EGRESS);
    if (made_qdisc_) {
      bpf_tc_hook qdisc =
          hook_at(interface_, static_cast<bpf_tc_attach_point>(BPF_TC_INGRESS | BPF_TC_EGRESS));
      bpf_tc_hook_destroy(&qdisc);
    }
  });
  interface_ = 0;
}

}  // namespace kubeproof::control
