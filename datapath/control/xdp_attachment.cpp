#include "datapath/control/xdp_attachment.h"

#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace kubeproof::control {
namespace {

uint32_t mode_flag(XdpAttachment::Mode mode) {
  return mode == XdpAttachment::Mode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE;
}

int try_attach(uint32_t interface, int program, XdpAttachment::Mode mode) {
  return bpf_xdp_attach(static_cast<int>(interface), program,
                        XDP_FLAGS_UPDATE_IF_NOEXIST | mode_flag(mode), nullptr);
}

bool anything_attached(uint32_t interface) {
  uint32_t id = 0;
  return bpf_xdp_query_id(static_cast<int>(interface), 0, &id) == 0 && id != 0;
}

}  // namespace

Result<XdpAttachment> XdpAttachment::attach(uint32_t interface, int program, bool allow_native) {
  auto space = KeptNamespace::current();
  if (!space) return tl::unexpected(space.error());
  if (anything_attached(interface)) {
    return environment_error(
        "interface {}: another program is at XDP already ('ip link' shows it; 'ip link set dev "
        "NAME xdp off' removes it)",
        interface);
  }
  XdpAttachment attachment;
  int native_error = 0;
  if (allow_native) {
    native_error = try_attach(interface, program, Mode::kNative);
    if (native_error == 0) attachment.mode_ = Mode::kNative;
  }
  if (!allow_native || native_error != 0) {
    const int error = try_attach(interface, program, Mode::kGeneric);
    if (error != 0) {
      return environment_error("cannot attach a program to XDP of interface {}: {}{}{}", interface,
                               std::strerror(-error), native_error != 0 ? "; in the driver: " : "",
                               native_error != 0 ? std::strerror(-native_error) : "");
    }
  }
  attachment.space_ = std::move(*space);
  attachment.interface_ = interface;
  attachment.program_ = program;
  return attachment;
}

XdpAttachment::XdpAttachment(XdpAttachment&& other) noexcept {
  *this = std::move(other);
}

XdpAttachment& XdpAttachment::operator=(XdpAttachment&& other) noexcept {
  if (this == &other) return *this;
  detach();
  space_ = std::move(other.space_);
  interface_ = std::exchange(other.interface_, 0);
  program_ = other.program_;
  mode_ = other.mode_;
  return *this;
}

void XdpAttachment::detach() {
  if (interface_ == 0) return;
  space_.visit([this] {
    LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program_);
    // Not where someone has put another in its place meanwhile.
    bpf_xdp_detach(static_cast<int>(interface_), mode_flag(mode_) | XDP_FLAGS_REPLACE, &options);
  });
  interface_ = 0;
}

}  // namespace kubeproof::control
