#include "tests/oracle/run_figures.h"

#include <fmt/format.h>

#include <set>

#include "model/packet/packet_view.h"
#include "tests/oracle/rule_steps.h"

namespace kubeproof::explore {
namespace {

std::string verdict_of(const PacketView& in, const Fate& fate, bool rejected) {
  if (fate.dropped()) return "dropped";
  const auto out = parse_packet(fate[0].packet);
  if (!out) return "unreadable";
  if (out->has_icmp && is_icmp_error(*out) && !(in.has_icmp && is_icmp_error(in))) {
    return rejected ? "rejected" : "answered by the router";
  }
  const bool source = in.source_endpoint() != out->source_endpoint();
  const bool destination = in.destination_endpoint() != out->destination_endpoint();
  std::string verdict = fate[0].place.is_sockets() ? "delivered" : "forwarded";
  if (source && destination) return verdict + ", both ends translated";
  if (source) return verdict + ", source translated";
  if (destination) return verdict + ", destination translated";
  return verdict;
}

template <class Map>
std::string listed(const Map& counts) {
  std::string text;
  for (const auto& [name, count] : counts) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, count);
  }
  return text;
}

}  // namespace

std::string protocol_of(const PacketView& view) {
  std::string name = fmt::format("protocol {}", view.protocol);
  if (view.protocol == kTcp) name = "TCP";
  if (view.protocol == kUdp) name = "UDP";
  if (view.protocol == kSctp) name = "SCTP";
  if (view.has_icmp) name = is_icmp_error(view) ? "ICMP error" : "ICMP query";
  return view.is_fragment ? name + " fragment" : name;
}

void RunFigures::begin(const Scenario& scenario) {
  ++scenarios_;
  clusters_ += scenario.clusters.size();
  flows_ += scenario.flows.size();
}

void RunFigures::count(const Injection& injection, const Fate& fate,
                       std::span<const Outcome> permitted) {
  ++packets_;
  if (permitted.size() > 1) ++with_choice_;
  std::set<std::string_view> steps;
  for (const Outcome& outcome : permitted) {
    for (const std::string& line : outcome.trace) {
      if (const std::string_view step = rule_step(line); !step.empty()) steps.insert(step);
    }
  }
  for (const std::string_view step : steps) ++steps_[std::string(step)];
  constexpr std::string_view kConntrack = "conntrack ";
  if (!permitted.empty()) {
    for (const std::string_view line : permitted[0].trace) {
      if (!line.starts_with(kConntrack)) continue;
      std::string_view state = line.substr(kConntrack.size());
      const bool reply = state.find(" reply of ") != std::string_view::npos;
      state = state.substr(0, state.find(' '));
      ++states_[std::string(state) + (reply ? " reply" : "")];
      break;
    }
  }
  const auto view = parse_packet(injection.packet);
  if (!view) {
    ++protocols_["unreadable"];
    ++verdicts_[fate.dropped() ? "dropped" : "unreadable"];
    return;
  }
  if (view->family == Family::kIpv6) ++ipv6_;
  ++protocols_[protocol_of(*view)];
  ++verdicts_[verdict_of(*view, fate, !permitted.empty() && permitted[0].rejected)];
}

uint64_t RunFigures::outcomes(const std::string& verdict) const {
  const auto found = verdicts_.find(verdict);
  return found == verdicts_.end() ? 0 : found->second;
}

uint64_t RunFigures::rule_steps(std::string_view step) const {
  const auto found = steps_.find(step);
  return found == steps_.end() ? 0 : found->second;
}

std::string RunFigures::to_string() const {
  std::string never;
  for (const std::string_view step : explore::rule_steps()) {
    if (rule_steps(step) == 0) never += fmt::format("{}{}", never.empty() ? "" : ", ", step);
  }
  return fmt::format(
      "{} scenarios, {} cluster states, {} flows, {} packets ({} IPv6), {} with a choice\n"
      "  packets: {}\n  verdicts: {}\n  conntrack: {}\n  flows as the kernel lists them: {}\n"
      "  rule steps: {}\n  never: {}\n",
      scenarios_, clusters_, flows_, packets_, ipv6_, with_choice_, listed(protocols_),
      listed(verdicts_), listed(states_), listed(flow_states_), listed(steps_),
      never.empty() ? "none" : never);
}

}  // namespace kubeproof::explore
