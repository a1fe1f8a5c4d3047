#include "model/netfilter/interpreter.h"

#include <utility>

namespace kubeproof::netfilter {
namespace {

size_t family_index(Family family) {
  return family == Family::kIpv4 ? 0 : 1;
}

ConntrackSettings conntrack_settings(const Sysctls& sysctls) {
  ConntrackSettings settings;
  settings.tcp_be_liberal = sysctls.tcp_be_liberal;
  settings.tcp_loose = sysctls.tcp_loose;
  settings.tcp_established = sysctls.timeouts.tcp_established;
  settings.tcp_close_wait = sysctls.timeouts.tcp_close_wait;
  settings.udp = sysctls.timeouts.udp;
  settings.udp_stream = sysctls.timeouts.udp_stream;
  return settings;
}

}  // namespace

Interpreter::Interpreter(const World& world)
    : world_(world),
      routes_(world),
      stack_(world, routes_),
      traversal_(world_, routes_, stack_, conntrack_settings(world.sysctls)) {}

Result<void> Interpreter::load(std::shared_ptr<const Ruleset> rules) {
  const size_t index = family_index(rules->family);
  auto compiled = CompiledRules::compile(std::move(rules), lists_);
  if (!compiled) return tl::unexpected(compiled.error());
  rules_[index] = std::move(*compiled);
  return {};
}

std::unordered_set<ListId> Interpreter::named_lists() const {
  std::unordered_set<ListId> named;
  for (const auto& rules : rules_) {
    if (rules) named.insert(rules->lists().begin(), rules->lists().end());
  }
  return named;
}

void Interpreter::run(const Injection& injection, const StateView& state, Instant now,
                      OutcomeSet& outcomes) {
  const bool is_v6 = !injection.packet.empty() && injection.packet[0] >> 4 == 6;
  const auto& rules = rules_[is_v6 ? 1 : 0];
  traversal_.run(injection, rules ? &*rules : nullptr, state, now, outcomes);
}

}  // namespace kubeproof::netfilter
