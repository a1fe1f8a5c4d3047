// Whether an engine chooses among endpoints as often as kube-proxy's rules do. That each choice is
// permitted says nothing of a skewed one, so new flows are counted and held to the probabilities
// of the rules' outcomes (`-m statistic`: each endpoint as likely as any other) by a chi-squared
// test.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

#include "model/node/fate.h"

namespace kubeproof {

class EndpointDistribution {
 public:
  // A sound engine is accused once in ten million tests, at most: with at least fifty flows
  // expected for each endpoint the true tail at this level lies below that of chi-squared.
  static constexpr double kLevel = 1e-7;
  static constexpr double kFlowsPerEndpoint = 50;

  // What was permitted for a new flow. Where there was nothing to choose, the flow does not count.
  void offer(std::span<const Outcome> outcomes);
  // What the engine chose of it; empty where it led the packet nowhere.
  void choose(const std::optional<SocketAddress>& endpoint);

  // Whether enough flows had a choice for a test.
  bool testable() const;

  // What is wrong; empty where there is nothing, or too few flows to tell.
  std::optional<std::string> check() const;

 private:
  struct Count {
    double expected = 0;
    uint64_t chosen = 0;
  };

  std::map<SocketAddress, double> offered_;
  std::map<SocketAddress, Count> counts_;
  uint64_t flows_ = 0;
};

}  // namespace kubeproof
