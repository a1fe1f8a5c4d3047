#include "replay/engine/tun_device.h"

#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

namespace kubeproof {

Result<TunDevice> TunDevice::open(uint32_t index, const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return bad_input("interface '{}': a name has 1 to {} characters", name, IFNAMSIZ - 1);
  }
  FileDescriptor fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!fd) {
    return environment_error("/dev/net/tun: cannot be opened ({}): the kernel needs CONFIG_TUN",
                             std::strerror(errno));
  }
  const auto wanted = static_cast<unsigned>(index);
  ifreq request{};
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  std::memcpy(request.ifr_name, name.c_str(), name.size());
  if (ioctl(fd.get(), TUNSETIFINDEX, &wanted) != 0 || ioctl(fd.get(), TUNSETIFF, &request) != 0 ||
      ioctl(fd.get(), TUNSETPERSIST, 1) != 0) {
    return environment_error("interface '{}' with index {}: cannot be made ({})", name, index,
                             std::strerror(errno));
  }
  return TunDevice(std::move(fd), index, name);
}

Result<bool> TunDevice::write(ByteView packet) const {
  const ssize_t written = ::write(fd_.get(), packet.data(), packet.size());
  if (written == static_cast<ssize_t>(packet.size())) return true;
  if (written < 0 && errno == EINVAL) return false;
  return environment_error("interface '{}': writing a packet failed ({})", name_,
                           std::strerror(errno));
}

Result<std::optional<ByteView>> TunDevice::read(MutableByteView buffer) const {
  const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
  if (got >= 0) return ByteView(buffer.data(), static_cast<size_t>(got));
  if (errno == EAGAIN) return std::nullopt;
  return environment_error("interface '{}': reading failed ({})", name_, std::strerror(errno));
}

}  // namespace kubeproof
