// The engine `netfilter`: kube-proxy's rules, loaded with iptables-restore into a private network
// namespace. This is the kernel's own opinion, and the reference answers to it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/engine/engine.h"
#include "replay/engine/netfilter_node.h"

namespace kubeproof {

class NetfilterEngine : public Engine {
 public:
  // Without a variant, the one that this machine runs best.
  explicit NetfilterEngine(std::optional<IptablesVariant> variant = {});

  std::string_view name() const override { return "netfilter"; }
  // As kube-proxy's sync: new rules, then the end of stale UDP flows.
  Result<void> program(const Configuration& configuration) override;
  Result<void> inject(const Injection& injection, Fate& fate) override;
  // Whole seconds; what is left of one adds up until it is one. See ConntrackTable::age() and
  // RecentLists for what does not age.
  Result<void> advance(std::chrono::nanoseconds duration) override;
  void explain(bool on) override;

  Result<ConntrackStatistics> statistics() const;
  Result<std::vector<TrackedFlow>> flows();

 private:
  Result<void> load_rules(const Configuration& configuration);
  Result<void> end_stale_flows(const Configuration& configuration);

  std::optional<IptablesVariant> variant_;
  std::unique_ptr<NetfilterNode> node_;
  std::optional<Cluster> programmed_;
  std::map<Family, std::string> rules_;  // as loaded
  std::chrono::nanoseconds unaged_{};
  bool explain_ = false;
  bool explaining_ = false;
};

}  // namespace kubeproof
