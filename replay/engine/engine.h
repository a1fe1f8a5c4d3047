// The one small interface that everything implements that can be programmed with a snapshot and
// then be given packets.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string_view>

#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/netfilter/rules.h"
#include "model/node/fate.h"
#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

// What an engine is programmed with. Engines keep what they need of it.
struct Configuration {
  World world;
  Cluster cluster;
  ProxyConfig proxy;
  // Of these families, rules that stand in place of those that kube-proxy would make of the rest:
  // a real node's.
  std::map<Family, std::shared_ptr<const netfilter::Ruleset>> rules = {};
};

class Engine {
 public:
  Engine() = default;
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  virtual ~Engine() = default;

  // As `--engine` and the reports spell it.
  virtual std::string_view name() const = 0;

  // Installs a configuration, or the next one: flows and affinities live on. The world may not
  // change after the first call.
  virtual Result<void> program(const Configuration& configuration) = 0;

  // Runs one packet; `fate` is cleared first. An error is the engine's own failure, never a
  // verdict.
  virtual Result<void> inject(const Injection& injection, Fate& fate) = 0;

  // Lets virtual time pass.
  virtual Result<void> advance(std::chrono::nanoseconds duration) = 0;

  // While on, fates carry a trace.
  virtual void explain(bool on) = 0;
};

}  // namespace kubeproof
