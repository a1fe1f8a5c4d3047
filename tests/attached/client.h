// What clients do: connect, send, and check that it all comes back.
#pragma once

#include <cstddef>
#include <string>

#include "model/packet/address.h"
#include "model/packet/packet_view.h"
#include "replay/engine/private_namespace.h"

namespace kubeproof::attached {

struct Client {
  const PrivateNamespace& space;
  IpAddress address;
};

struct Exchange {
  int error = 0;          // errno of what failed
  std::string failed_at;  // empty where all went well
  IpAddress seen_as;      // how the server saw the client
};

// `bytes` there and back over a connection, both at once, compared byte by byte.
Exchange exchange_stream(const Client& client, const SocketAddress& server, size_t bytes,
                         Protocol protocol = kTcp);
// One datagram and its answer, which must come from where the datagram went to.
Exchange exchange_datagram(const Client& client, const SocketAddress& server, size_t bytes);

}  // namespace kubeproof::attached
