#include "replay/fuzz/run_figures.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "model/packet/packet_view.h"
#include "replay/fuzz/rule_steps.h"

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

std::string_view conntrack_state(std::span<const std::string> trace) {
  constexpr std::string_view kConntrack = "conntrack ";
  for (const std::string_view line : trace) {
    if (line.starts_with(kConntrack)) return line.substr(kConntrack.size());
  }
  return {};
}

// That of the endpoint seen, where the outcomes are several.
const Outcome& taken(std::span<const Outcome> permitted, const std::optional<PacketView>& out) {
  for (const Outcome& outcome : permitted) {
    if (out && outcome.endpoint == out->destination_endpoint()) return outcome;
  }
  return permitted.front();
}

std::vector<std::string_view> quirk_ids() {
  std::vector<std::string_view> ids;
  for (const Quirk& quirk : quirks()) {
    if (quirk.met != nullptr) ids.push_back(quirk.id);
  }
  return ids;
}

const std::vector<std::string_view> kProtocols = {"TCP",          "UDP",          "SCTP",
                                                  "ICMP query",   "ICMP error",   "TCP fragment",
                                                  "UDP fragment", "SCTP fragment"};
const std::vector<std::string_view> kVerdicts = {"dropped",
                                                 "rejected",
                                                 "answered by the router",
                                                 "delivered",
                                                 "delivered, source translated",
                                                 "delivered, destination translated",
                                                 "delivered, both ends translated",
                                                 "forwarded",
                                                 "forwarded, source translated",
                                                 "forwarded, destination translated",
                                                 "forwarded, both ends translated"};
const std::vector<std::string_view> kStates = {"NEW",     "ESTABLISHED",   "ESTABLISHED reply",
                                               "RELATED", "RELATED reply", "INVALID"};

// Those that an engine can look at; nf_conntrack_tcp.h and nf_conntrack_sctp.h.
const std::vector<std::string_view> kFlowStates = {
    "TCP SYN_SENT",        "TCP SYN_RECV",       "TCP ESTABLISHED",    "TCP FIN_WAIT",
    "TCP CLOSE_WAIT",      "TCP LAST_ACK",       "TCP TIME_WAIT",      "TCP CLOSE",
    "TCP SYN_SENT2",       "SCTP CLOSED",        "SCTP COOKIE_WAIT",   "SCTP COOKIE_ECHOED",
    "SCTP ESTABLISHED",    "SCTP SHUTDOWN_SENT", "SCTP SHUTDOWN_RECD", "SCTP SHUTDOWN_ACK_SENT",
    "SCTP HEARTBEAT_SENT", "UDP unreplied",      "UDP replied",        "ICMP unreplied",
    "ICMP replied"};

}  // namespace

Counters::Counters(std::string title, std::vector<std::string_view> expected)
    : title_(std::move(title)) {
  for (const std::string_view name : expected) counts_.emplace(name, 0);
}

void Counters::add(std::string_view name) {
  const auto found = counts_.find(name);
  if (found == counts_.end()) {
    counts_.emplace(name, 1);
  } else {
    ++found->second;
  }
}

uint64_t Counters::operator[](std::string_view name) const {
  const auto found = counts_.find(name);
  return found == counts_.end() ? 0 : found->second;
}

std::vector<std::string> Counters::never() const {
  std::vector<std::string> names;
  for (const auto& [name, count] : counts_) {
    if (count == 0) names.push_back(fmt::format("{}: {}", title_, name));
  }
  return names;
}

std::string Counters::to_string() const {
  std::string text = "  " + title_ + ":";
  const char* separator = " ";
  for (const auto& [name, count] : counts_) {
    text += fmt::format("{}{} {}", separator, name, count);
    separator = "; ";
  }
  return text + "\n";
}

RunFigures::RunFigures()
    : protocols_("packets", kProtocols),
      verdicts_("verdicts", kVerdicts),
      states_("conntrack", kStates),
      flow_states_("flows as the kernel lists them", kFlowStates),
      steps_("rule steps", {explore::rule_steps().begin(), explore::rule_steps().end()}),
      quirks_("quirks", quirk_ids()) {}

bool says_nothing(std::span<const Outcome> permitted) {
  return !permitted.empty() &&
         std::all_of(permitted.begin(), permitted.end(),
                     [](const Outcome& outcome) { return outcome.undecided; });
}

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
  affinities_.clear();
}

void RunFigures::program(const Scenario& scenario, const Cluster& cluster) {
  services_ = std::make_unique<ServiceIndex>(cluster, scenario.world, scenario.proxy);
  steps_by_line_.clear();
}

void RunFigures::count_rules(std::span<const Outcome> permitted) {
  std::set<std::string_view> steps;
  for (const Outcome& outcome : permitted) {
    for (const std::string& line : outcome.trace) {
      if (const std::string_view step = step_of(line); !step.empty()) steps.insert(step);
    }
  }
  for (const std::string_view step : steps) steps_.add(step);
  if (permitted.empty()) return;
  const std::string_view state = conntrack_state(permitted[0].trace);
  if (state.empty()) return;
  const bool reply = state.find(" reply of ") != std::string_view::npos;
  states_.add(std::string(state.substr(0, state.find_first_of(" :"))) + (reply ? " reply" : ""));
}

std::string_view RunFigures::step_of(const std::string& trace_line) {
  const auto known = steps_by_line_.find(trace_line);
  if (known != steps_by_line_.end()) return known->second;
  return steps_by_line_[trace_line] = rule_step(trace_line, *services_);
}

std::span<const TraceLine> RunFigures::with_steps(const std::vector<std::string>& trace) {
  trace_.clear();
  for (const std::string& line : trace) trace_.push_back({line, step_of(line)});
  return trace_;
}

void RunFigures::count_quirks(const QuirkScene& scene) {
  for (const Quirk& quirk : quirks()) {
    if (quirk.met != nullptr && quirk.met(scene)) quirks_.add(quirk.id);
  }
}

void RunFigures::count(const Scenario& scenario, const Injection& injection, const Fate& fate,
                       std::span<const Outcome> permitted) {
  ++packets_;
  if (permitted.size() > 1) ++with_choice_;
  if (says_nothing(permitted)) ++undecided_;
  count_rules(permitted);
  const auto view = parse_packet(injection.packet);
  if (!view) {
    protocols_.add("unreadable");
    return verdicts_.add(fate.dropped() ? "dropped" : "unreadable");
  }
  if (view->family == Family::kIpv6) ++ipv6_;
  protocols_.add(protocol_of(*view));
  verdicts_.add(verdict_of(*view, fate, !permitted.empty() && permitted[0].rejected));
  if (permitted.empty() || !services_) return;
  std::optional<PacketView> out;
  if (!fate.dropped()) {
    if (const auto parsed = parse_packet(fate[0].packet)) out = *parsed;
  }
  count_quirks({scenario.world, *services_, injection, *view, fate, out,
                with_steps(taken(permitted, out).trace), affinities_});
}

std::vector<const Counters*> RunFigures::all() const {
  return {&protocols_, &verdicts_, &states_, &flow_states_, &steps_, &quirks_};
}

std::vector<std::string> RunFigures::never() const {
  std::vector<std::string> names;
  for (const Counters* counters : all()) {
    for (std::string& name : counters->never()) names.push_back(std::move(name));
  }
  return names;
}

std::string RunFigures::to_string() const {
  std::string text = fmt::format(
      "{} scenarios, {} cluster states, {} flows, {} packets ({} IPv6), {} with a choice, {} "
      "unknown\n",
      scenarios_, clusters_, flows_, packets_, ipv6_, with_choice_, undecided_);
  for (const Counters* counters : all()) text += counters->to_string();
  const auto missing = never();
  text += fmt::format("  never: {}\n",
                      missing.empty() ? "none" : fmt::format("{}", fmt::join(missing, "; ")));
  for (const Quirk& quirk : quirks()) {
    if (quirk.met == nullptr) {
      text += fmt::format("  {} ({}): see {}\n", quirk.id, quirk.title, quirk.pinned_by);
    }
  }
  return text;
}

}  // namespace kubeproof::explore
