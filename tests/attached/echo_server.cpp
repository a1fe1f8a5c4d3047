#include "tests/attached/echo_server.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>

#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

constexpr int kBacklog = 16;
constexpr int kGlance = 20;  // milliseconds between looks whether it is time to stop
constexpr size_t kBuffer = 65536;

bool send_all(int fd, const char* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data += sent;
    size -= static_cast<size_t>(sent);
  }
  return true;
}

void echo_stream(int fd, const IpAddress& client) {
  const std::string hello = greeting(client);
  if (!send_all(fd, hello.data(), hello.size())) return;
  std::array<char, kBuffer> buffer{};
  for (;;) {
    const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got <= 0 || !send_all(fd, buffer.data(), static_cast<size_t>(got))) return;
  }
}

void echo_datagram(int fd) {
  std::array<char, kBuffer> buffer{};
  NativeAddress peer;
  const ssize_t got = recvfrom(fd, buffer.data(), buffer.size(), 0, peer.get(), &peer.size);
  if (got < 0) return;
  std::string answer(buffer.data(), static_cast<size_t>(got));
  answer += greeting(from_native(peer).address);
  sendto(fd, answer.data(), answer.size(), MSG_NOSIGNAL, peer.get(), peer.size);
}

}  // namespace

std::string greeting(const IpAddress& client) {
  std::string text = client.to_string();
  text.resize(kGreetingLength, ' ');
  return text;
}

EchoServer::EchoServer(const PrivateNamespace& space, const std::vector<IpAddress>& addresses) {
  for (const IpAddress& address : addresses) {
    for (const Protocol protocol : {kTcp, kSctp}) {
      if (protocol == kSctp && !has_sctp()) continue;
      listeners_.push_back(open_socket(space, protocol, {address, kServerPort}));
      if (listen(listeners_.back().get(), kBacklog) != 0) throw_errno("listen");
    }
    datagrams_.push_back(open_socket(space, kUdp, {address, kServerPort}));
  }
  thread_ = std::jthread([this] { serve(); });
}

EchoServer::~EchoServer() {
  stopping_ = true;
}

void EchoServer::serve() {
  std::vector<pollfd> waiting;
  for (const auto* sockets : {&listeners_, &datagrams_}) {
    for (const FileDescriptor& socket : *sockets) waiting.push_back({socket.get(), POLLIN, 0});
  }
  while (!stopping_) {
    if (poll(waiting.data(), waiting.size(), kGlance) <= 0) continue;
    for (size_t i = 0; i < waiting.size(); ++i) {
      if ((waiting[i].revents & POLLIN) == 0) continue;
      if (i < listeners_.size()) {
        accept_connection(waiting[i].fd);
      } else {
        echo_datagram(waiting[i].fd);
      }
    }
  }
}

void EchoServer::accept_connection(int listener) {
  NativeAddress peer;
  FileDescriptor accepted(accept4(listener, peer.get(), &peer.size, SOCK_CLOEXEC));
  if (!accepted) return;
  const timeval wait = patience();
  setsockopt(accepted.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  setsockopt(accepted.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  connections_.emplace_back([socket = std::move(accepted), client = from_native(peer).address] {
    echo_stream(socket.get(), client);
  });
}

}  // namespace kubeproof::attached
