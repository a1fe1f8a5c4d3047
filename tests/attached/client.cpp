#include "tests/attached/client.h"

#include <sys/socket.h>

#include <algorithm>
#include <future>
#include <system_error>
#include <vector>

#include "tests/attached/echo_server.h"
#include "tests/attached/sockets.h"

namespace kubeproof::attached {
namespace {

// Bytes that tell their own place, so that none can be lost or moved unnoticed.
std::string pattern(size_t bytes) {
  std::string text(bytes, '\0');
  uint32_t state = 1;
  for (char& c : text) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return text;
}

// What is sent at once is one message of SCTP, and has to fit into the socket's buffer whole
// (net/sctp/socket.c).
constexpr size_t kMessage = 4 << 10;

void send_all(int fd, const std::string& text) {
  for (size_t done = 0; done < text.size();) {
    const ssize_t sent =
        send(fd, text.data() + done, std::min(kMessage, text.size() - done), MSG_NOSIGNAL);
    if (sent < 0) throw_errno("sending");
    done += static_cast<size_t>(sent);
  }
}

std::string receive_all(int fd, size_t bytes) {
  std::string text(bytes, '\0');
  for (size_t done = 0; done < bytes;) {
    const ssize_t got = recv(fd, text.data() + done, bytes - done, 0);
    if (got < 0) throw_errno("receiving");
    if (got == 0) throw std::system_error(ECONNRESET, std::generic_category(), "closed early");
    done += static_cast<size_t>(got);
  }
  return text;
}

// As much as is sent. What goes wrong with sending is told first, since nothing comes back then.
std::string receive_while_sending(int fd, const std::string& text) {
  std::future<void> sender = std::async(std::launch::async, [&] { send_all(fd, text); });
  std::string received;
  try {
    received = receive_all(fd, text.size());
  } catch (const std::system_error&) {
    sender.get();
    throw;
  }
  sender.get();
  return received;
}

IpAddress parse_greeting(const std::string& text) {
  return IpAddress::parse(text.substr(0, text.find(' '))).value_or(IpAddress());
}

FileDescriptor connected(const Client& client, Protocol protocol, const SocketAddress& server) {
  FileDescriptor opened = open_socket(client.space, protocol, {client.address, 0});
  NativeAddress native = to_native(server);
  if (connect(opened.get(), native.get(), native.size) != 0) throw_errno("connecting");
  return opened;
}

template <class Function>
Exchange attempt(Function&& function) {
  Exchange exchange;
  try {
    exchange.seen_as = function();
  } catch (const std::system_error& error) {
    exchange.error = error.code().value();
    exchange.failed_at = error.what();
  }
  return exchange;
}

void expect_same(const std::string& sent, const std::string& received) {
  if (sent != received) throw std::system_error(EBADMSG, std::generic_category(), "comparing");
}

}  // namespace

Exchange exchange_stream(const Client& client, const SocketAddress& server, size_t bytes,
                         Protocol protocol) {
  return attempt([&] {
    const FileDescriptor socket = connected(client, protocol, server);
    const IpAddress seen_as = parse_greeting(receive_all(socket.get(), kGreetingLength));
    const std::string text = pattern(bytes);
    expect_same(text, receive_while_sending(socket.get(), text));
    return seen_as;
  });
}

Exchange exchange_datagram(const Client& client, const SocketAddress& server, size_t bytes) {
  return attempt([&] {
    const FileDescriptor socket = connected(client, kUdp, server);
    const std::string text = pattern(bytes);
    if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) throw_errno("sending");
    std::string answer(bytes + kGreetingLength + 1, '\0');
    const ssize_t got = recv(socket.get(), answer.data(), answer.size(), 0);
    if (got < 0) throw_errno("receiving");
    answer.resize(static_cast<size_t>(got));
    expect_same(text, answer.substr(0, bytes));
    return parse_greeting(answer.substr(bytes));
  });
}

}  // namespace kubeproof::attached
