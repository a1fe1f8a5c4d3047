#include "replay/engine/reference.h"

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "model/netfilter/interpreter.h"
#include "model/proxier/stale_udp_flows.h"
#include "replay/engine/belief.h"
#include "replay/engine/installed_rules.h"

namespace kubeproof {

class Reference::State {
 public:
  Result<void> program(const Configuration& configuration) {
    if (!interpreter_) {
      world_ = configuration.world;
      interpreter_.emplace(world_);
      interpreter_->explain(explain_);
    }
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      auto rules = installed_rules(configuration, family);
      if (!rules) return tl::unexpected(rules.error());
      auto loaded = interpreter_->load(*std::move(rules));
      if (!loaded) return loaded;
    }
    belief_.retain_lists(interpreter_->named_lists());
    for (const Family family : {Family::kIpv4, Family::kIpv6})
      end_stale_flows(family, configuration);
    cluster_ = configuration.cluster;
    return {};
  }

  std::span<const Outcome> evaluate(const Injection& injection) {
    return belief_.evaluate(*interpreter_, injection, now_);
  }

  std::optional<std::string> commit(std::span<const OutcomeMatch> matches) {
    return belief_.commit(matches, now_);
  }

  void advance(std::chrono::nanoseconds duration) { now_ += duration; }

  void explain(bool on) {
    explain_ = on;
    if (interpreter_) interpreter_->explain(on);
  }

 private:
  // kube-proxy does it once the new rules are in place.
  void end_stale_flows(Family family, const Configuration& now) {
    const auto stale = StaleUdpFlows::after_change(family, cluster_ ? &*cluster_ : nullptr,
                                                   now.cluster, world_.node_name, now.proxy);
    if (!stale) return;
    belief_.change_flows([&](netfilter::FlowState& flows) {
      std::vector<netfilter::ConnectionTable::Id> ended;
      flows.connections.visit_all([&](auto id, const netfilter::Connection& flow) {
        const bool of_family = flow.original.source.family() == family;
        if (of_family && flow.original.protocol == kUdp &&
            stale->contains(flow.original.destination_endpoint(), flow.reply.source_endpoint())) {
          ended.push_back(id);
        }
      });
      for (const auto id : ended) flows.connections.erase(id);
    });
  }

  World world_;
  std::optional<Cluster> cluster_;
  std::optional<netfilter::Interpreter> interpreter_;  // looks at world_
  Belief belief_;
  netfilter::Instant now_{};
  bool explain_ = false;
};

Reference::Reference() : state_(std::make_unique<State>()) {}
Reference::~Reference() = default;

Result<void> Reference::program(const Configuration& configuration) {
  return state_->program(configuration);
}

void Reference::advance(std::chrono::nanoseconds duration) {
  state_->advance(duration);
}

std::span<const Outcome> Reference::evaluate(const Injection& injection) {
  return state_->evaluate(injection);
}

std::optional<std::string> Reference::commit(std::span<const OutcomeMatch> matches) {
  return state_->commit(matches);
}

void Reference::explain(bool on) {
  state_->explain(on);
}

}  // namespace kubeproof
