// The node of network.h, served by the programs alone: attached to the uplink, to the pods' links
// and to lo. No rule of kube-proxy's is loaded anywhere.
//
//   service   endpoint             cluster IP   node port  external IP   load balancer's IP
//   on-pod    pod 1                10.96.0.1    30001      198.51.100.1  198.51.100.101
//   far       a pod elsewhere      10.96.0.2    30002      198.51.100.2  198.51.100.102
//   on-node   the node's address   10.96.0.3    30003      198.51.100.3  198.51.100.103
//   overlaid  one of the overlay   10.96.0.4    30004      198.51.100.4  198.51.100.104
//   empty     none                 10.96.0.5    30005      198.51.100.5  198.51.100.105
//
// and alike in fd00:96:: and 2001:db8:e::. All of them are at port 80, for TCP, UDP and SCTP.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datapath/control/datapath.h"
#include "tests/attached/client.h"
#include "tests/attached/echo_server.h"
#include "tests/attached/network.h"

namespace kubeproof::attached {

constexpr uint16_t kServicePort = 80;

enum class Backend : uint8_t { kOnPod = 1, kFar, kOnNode, kOverlaid, kNone };
enum class Origin : uint8_t { kOutside, kOverlay, kPod1, kPod2, kNode };

std::string to_string(Backend backend);
std::string to_string(Origin origin);

SocketAddress cluster_ip(Backend backend, Family family);
SocketAddress node_port(Backend backend, Family family);
SocketAddress external_ip(Backend backend, Family family);
SocketAddress load_balancer_ip(Backend backend, Family family);

ProxyConfig proxy_config();
IpAddress node_address(Family family);
IpAddress pod1_address(Family family);

class AttachedNode : public testing::Test {
 protected:
  explicit AttachedNode(bool with_xdp = false) : with_xdp_(with_xdp) {}
  void SetUp() override;
  void TearDown() override;

  Client client(Origin origin, Family family) const;
  Network& network() { return *network_; }
  const Network& network() const { return *network_; }
  Datapath& datapath() { return *datapath_; }

  // Anew, from another namespace than the node's.
  Result<void> program(const ProxyConfig& proxy);
  Result<void> program_without_endpoints();
  Result<void> attach();
  // From another namespace than the node's.
  Result<void> detach();
  void remove_datapath() { datapath_.reset(); }

  // What the programs' presence shows in, of the node's namespace.
  std::string traces() const;
  const std::string& traces_before() const { return traces_before_; }

 private:
  const bool with_xdp_;
  std::optional<Network> network_;
  std::optional<Datapath> datapath_;
  std::vector<uint32_t> interfaces_;
  std::string traces_before_;
  std::vector<std::unique_ptr<EchoServer>> servers_;
};

}  // namespace kubeproof::attached
