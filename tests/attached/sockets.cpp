#include "tests/attached/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>

namespace kubeproof::attached {
namespace {

constexpr long kPatience = 3;  // seconds

void set_option(int fd, int level, int name, const void* value, socklen_t size) {
  if (setsockopt(fd, level, name, value, size) != 0) throw_errno("setsockopt");
}

}  // namespace

timeval patience() {
  const char* asked = std::getenv("KUBEPROOF_PATIENCE");
  return {.tv_sec = asked != nullptr ? std::stol(asked) : kPatience, .tv_usec = 0};
}

bool has_sctp() {
  return static_cast<bool>(FileDescriptor(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, kSctp)));
}

void throw_errno(std::string_view what) {
  throw std::system_error(errno, std::generic_category(), std::string(what));
}

NativeAddress to_native(const SocketAddress& address) {
  NativeAddress native;
  const std::string text = address.address.to_string();
  if (address.address.is_v4()) {
    auto& in = reinterpret_cast<sockaddr_in&>(native.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(address.port);
    inet_pton(AF_INET, text.c_str(), &in.sin_addr);
    native.size = sizeof in;
  } else {
    auto& in = reinterpret_cast<sockaddr_in6&>(native.storage);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(address.port);
    inet_pton(AF_INET6, text.c_str(), &in.sin6_addr);
    native.size = sizeof in;
  }
  return native;
}

SocketAddress from_native(const NativeAddress& address) {
  char text[INET6_ADDRSTRLEN] = {};
  if (address.storage.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address.storage);
    inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
    return {*IpAddress::parse(text), ntohs(in.sin_port)};
  }
  const auto& in = reinterpret_cast<const sockaddr_in6&>(address.storage);
  inet_ntop(AF_INET6, &in.sin6_addr, text, sizeof text);
  return {*IpAddress::parse(text), ntohs(in.sin6_port)};
}

FileDescriptor open_socket(const PrivateNamespace& space, Protocol protocol,
                           const SocketAddress& local) {
  const int type = protocol == kUdp ? SOCK_DGRAM : SOCK_STREAM;
  const int domain = local.address.is_v4() ? AF_INET : AF_INET6;
  FileDescriptor opened;
  const auto done = space.run([&]() -> Result<void> {
    opened = FileDescriptor(socket(domain, type | SOCK_CLOEXEC, protocol));
    return {};
  });
  if (!done) throw std::runtime_error(done.error().message);
  if (!opened) throw_errno("socket");
  const int on = 1;
  set_option(opened.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (domain == AF_INET6) set_option(opened.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  const timeval wait = patience();
  set_option(opened.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  set_option(opened.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  NativeAddress native = to_native(local);
  if (bind(opened.get(), native.get(), native.size) != 0) throw_errno("bind");
  return opened;
}

}  // namespace kubeproof::attached
