// A server in a pod, or in the node itself: sends back what it gets, over TCP, UDP and, where the
// kernel has sockets for it, SCTP, and first whom it takes the client for.
#pragma once

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "model/packet/address.h"
#include "replay/engine/file_descriptor.h"
#include "replay/engine/private_namespace.h"

namespace kubeproof::attached {

constexpr uint16_t kServerPort = 8080;
// A connection begins with one line that tells the client's address; a datagram's answer ends so.
constexpr size_t kGreetingLength = 64;

// The address, padded with spaces.
std::string greeting(const IpAddress& client);

class EchoServer {
 public:
  // At port 8080 of each of the addresses. Throws std::system_error.
  EchoServer(const PrivateNamespace& space, const std::vector<IpAddress>& addresses);
  EchoServer(const EchoServer&) = delete;
  EchoServer& operator=(const EchoServer&) = delete;
  ~EchoServer();

 private:
  void serve();
  void accept_connection(int listener);

  std::vector<FileDescriptor> listeners_;
  std::vector<FileDescriptor> datagrams_;
  std::atomic<bool> stopping_ = false;
  std::vector<std::jthread> connections_;
  std::jthread thread_;
};

}  // namespace kubeproof::attached
