#include "replay/engine/netfilter_engine.h"

#include "model/netfilter/rules_text.h"
#include "model/packet/packet_view.h"
#include "model/proxier/stale_udp_flows.h"
#include "replay/engine/engine_probe.h"
#include "replay/engine/installed_rules.h"

namespace kubeproof {
namespace {

constexpr Family kFamilies[] = {Family::kIpv4, Family::kIpv6};

Result<void> not_programmed() {
  return environment_error("the netfilter engine was given a packet before any rules");
}

}  // namespace

NetfilterEngine::NetfilterEngine(std::optional<IptablesVariant> variant) : variant_(variant) {}

Result<void> NetfilterEngine::program(const Configuration& configuration) {
  if (!node_) {
    auto variant = variant_ ? Result<IptablesVariant>(*variant_) : choose_iptables_variant();
    if (!variant) return tl::unexpected(variant.error());
    auto node = NetfilterNode::create(configuration.world, *variant);
    if (!node) return tl::unexpected(node.error());
    node_ = std::move(*node);
  }
  auto done = load_rules(configuration);
  if (done) done = end_stale_flows(configuration);
  if (done) programmed_ = configuration.cluster;
  return done;
}

Result<void> NetfilterEngine::load_rules(const Configuration& configuration) {
  for (const Family family : kFamilies) {
    const auto rules = installed_rules(configuration, family);
    if (!rules) return tl::unexpected(rules.error());
    std::string text = netfilter::to_text(**rules);
    if (text == rules_[family]) continue;
    auto loaded = node_->load_rules(family, text);
    if (!loaded) return loaded;
    rules_[family] = std::move(text);
  }
  return {};
}

Result<void> NetfilterEngine::end_stale_flows(const Configuration& configuration) {
  for (const Family family : kFamilies) {
    const auto stale = StaleUdpFlows::after_change(
        family, programmed_ ? &*programmed_ : nullptr, configuration.cluster,
        configuration.world.node_name, configuration.proxy);
    if (!stale) continue;
    auto ended = node_->conntrack().remove_if([&](const TrackedFlow& flow) {
      return flow.family == family && flow.protocol == kUdp &&
             stale->contains(flow.original.destination, flow.reply.source);
    });
    if (!ended) return ended;
  }
  return {};
}

Result<void> NetfilterEngine::inject(const Injection& injection, Fate& fate) {
  if (!node_) return not_programmed();
  if (explain_ != explaining_) {
    auto switched = node_->explain(explain_);
    if (!switched) return switched;
    explaining_ = explain_;
  }
  return node_->inject(injection, fate);
}

Result<void> NetfilterEngine::advance(std::chrono::nanoseconds duration) {
  if (!node_) return not_programmed();
  unaged_ += duration;
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(unaged_);
  if (whole.count() == 0) return {};
  unaged_ -= whole;
  return node_->age(static_cast<uint32_t>(whole.count()));
}

void NetfilterEngine::explain(bool on) {
  explain_ = on;
}

Result<ConntrackStatistics> NetfilterEngine::statistics() const {
  if (!node_) return ConntrackStatistics{};
  return node_->statistics();
}

Result<std::vector<TrackedFlow>> NetfilterEngine::flows() {
  if (!node_) return std::vector<TrackedFlow>{};
  return node_->conntrack().list();
}

}  // namespace kubeproof
