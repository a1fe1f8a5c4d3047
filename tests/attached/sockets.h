// Sockets of either family, with addresses as the rest of the project has them. What fails throws
// std::system_error; nothing waits longer than patience().
#pragma once

#include <sys/socket.h>
#include <sys/time.h>

#include <string_view>

#include "model/packet/address.h"
#include "model/packet/packet_view.h"
#include "replay/engine/file_descriptor.h"
#include "replay/engine/private_namespace.h"

namespace kubeproof::attached {

struct NativeAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;

  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

NativeAddress to_native(const SocketAddress& address);
SocketAddress from_native(const NativeAddress& address);

// A few seconds, or as many as KUBEPROOF_PATIENCE says, for machines that are slow.
timeval patience();

bool has_sctp();

// Streams over TCP and SCTP, datagrams over UDP. Bound to `local`, in the namespace.
FileDescriptor open_socket(const PrivateNamespace& space, Protocol protocol,
                           const SocketAddress& local);

[[noreturn]] void throw_errno(std::string_view what);

}  // namespace kubeproof::attached
