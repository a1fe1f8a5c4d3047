// What a run reached, so that one that reached little cannot look like one that found little.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/node/fate.h"
#include "model/packet/packet_view.h"
#include "replay/explore/scenario.h"
#include "replay/fuzz/quirks.h"

namespace kubeproof::explore {

// "TCP", "ICMP error", "UDP fragment", "protocol 47".
std::string protocol_of(const PacketView& view);

// How often each of several things came up, with those that are expected to.
class Counters {
 public:
  explicit Counters(std::string title, std::vector<std::string_view> expected = {});

  void add(std::string_view name);
  uint64_t operator[](std::string_view name) const;
  std::vector<std::string> never() const;
  std::string to_string() const;

 private:
  std::string title_;
  std::map<std::string, uint64_t, std::less<>> counts_;
};

// Where the reference knows no outcome at all, whatever else was possible before.
bool says_nothing(std::span<const Outcome> permitted);

class RunFigures {
 public:
  RunFigures();

  void begin(const Scenario& scenario);
  void program(const Scenario& scenario, const Cluster& cluster);
  void count(const Scenario& scenario, const Injection& injection, const Fate& fate,
             std::span<const Outcome> permitted);
  void count_state(std::string_view flow_state) { flow_states_.add(flow_state); }

  uint64_t packets() const { return packets_; }
  // Of these, which the reference says nothing of.
  uint64_t undecided() const { return undecided_; }
  const Counters& rule_steps() const { return steps_; }
  // What is expected and did not come up: "rule steps: S3".
  std::vector<std::string> never() const;

  std::string to_string() const;

 private:
  void count_rules(std::span<const Outcome> permitted);
  void count_quirks(const QuirkScene& scene);
  // rule_step(), which has been asked for most lines before.
  std::string_view step_of(const std::string& trace_line);
  std::span<const TraceLine> with_steps(const std::vector<std::string>& trace);
  std::vector<const Counters*> all() const;

  uint64_t scenarios_ = 0;
  uint64_t clusters_ = 0;
  uint64_t flows_ = 0;
  uint64_t packets_ = 0;
  uint64_t ipv6_ = 0;
  uint64_t with_choice_ = 0;  // more than one outcome was permitted
  uint64_t undecided_ = 0;
  Counters protocols_;    // of the packets
  Counters verdicts_;     // of the engine's fates
  Counters states_;       // conntrack's of the packets, as the rules see it
  Counters flow_states_;  // as the kernel lists its flows
  Counters steps_;        // rules that permitted outcomes met
  Counters quirks_;

  std::unique_ptr<ServiceIndex> services_;  // of the scenario under way
  Affinities affinities_;
  std::unordered_map<std::string, std::string_view> steps_by_line_;
  std::vector<TraceLine> trace_;  // of the packet under way
};

}  // namespace kubeproof::explore
