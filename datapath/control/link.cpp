#include "datapath/control/link.h"

#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace kubeproof::control {

Result<Link> link_of(uint32_t interface) {
  ifreq request{};
  const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool known = socket >= 0 && if_indextoname(interface, request.ifr_name) != nullptr &&
                     ioctl(socket, SIOCGIFHWADDR, &request) == 0;
  const int error = errno;
  if (socket >= 0) close(socket);
  if (!known) {
    return environment_error("interface {}: cannot tell its type: {}", interface,
                             std::strerror(error));
  }
  Link link;
  switch (request.ifr_hwaddr.sa_family) {
    case ARPHRD_ETHER:
    case ARPHRD_LOOPBACK:
      std::memcpy(link.address.data(), request.ifr_hwaddr.sa_data, link.address.size());
      return link;
    default:
      link.header_length = 0;
      return link;
  }
}

}  // namespace kubeproof::control
