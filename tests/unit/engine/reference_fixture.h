// A reference with a few services on the node of small_world.h, for tests that read as: a packet,
// and what may become of it. One cluster CIDR, 10.180.0.0/16 and fd00::/16; pods on the node are
// 10.180.0.9 and 10.180.0.10, those elsewhere 10.180.1.x.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/packet/packet_builder.h"
#include "model/packet/packet_view.h"
#include "replay/engine/engine.h"
#include "replay/engine/reference.h"
#include "tests/unit/engine/small_world.h"

namespace kubeproof {

class ReferenceFixture : public testing::Test {
 protected:
  ReferenceFixture();

  // A ClusterIP service default/NAME with one unnamed port; further fields are the test's to set.
  // "10.96.0.10:80" or "[fd01::10]:80".
  Service& add_service(const std::string& name, std::string_view frontend,
                       Protocol protocol = kTcp);
  // "10.180.0.9:8080"; pods of 10.180.0.0/24 and fd00::/112 are on node-a, others on node-b.
  SliceEndpoint& add_endpoint(const std::string& service, std::string_view address);
  void remove_endpoints(const std::string& service);

  void program();

  // What may become of a packet that enters at an interface of small_world.h, or at the host (0).
  std::span<const Outcome> evaluate(uint32_t ingress, const Bytes& packet);
  // The same, for a packet with only one outcome.
  const Outcome& only_outcome(uint32_t ingress, const Bytes& packet);

  // Lets an outcome happen, `port` being drawn where one is free, and returns what left; empty for
  // a drop.
  Bytes take(size_t outcome, uint16_t port = 0);
  // Evaluates, and takes the only outcome.
  Bytes pass(uint32_t ingress, const Bytes& packet, uint16_t port = 0);
  // Evaluates, and takes the outcome with this endpoint.
  Bytes pass_to(std::string_view endpoint, uint32_t ingress, const Bytes& packet,
                uint16_t port = 0);

  // The endpoints of the outcomes of the last evaluate().
  std::set<std::string> endpoints() const;

  Configuration configuration_;
  Reference reference_;
  std::span<const Outcome> outcomes_;
};

// "10.0.0.1:4000 > 10.96.0.10:80", or the addresses alone where there are no ports.
std::string endpoints_of(ByteView packet);

}  // namespace kubeproof
