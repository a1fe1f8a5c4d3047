// What a run reached, so that one that reached little cannot look like one that found little.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "model/node/fate.h"
#include "model/packet/packet_view.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

// "TCP", "ICMP error", "UDP fragment", "protocol 47".
std::string protocol_of(const PacketView& view);

class RunFigures {
 public:
  void begin(const Scenario& scenario);
  void count(const Injection& injection, const Fate& fate, std::span<const Outcome> permitted);
  void count_state(const std::string& flow_state) { ++flow_states_[flow_state]; }

  uint64_t packets() const { return packets_; }
  uint64_t outcomes(const std::string& verdict) const;
  uint64_t rule_steps(std::string_view step) const;

  std::string to_string() const;

 private:
  uint64_t scenarios_ = 0;
  uint64_t clusters_ = 0;
  uint64_t flows_ = 0;
  uint64_t packets_ = 0;
  uint64_t ipv6_ = 0;
  uint64_t with_choice_ = 0;                     // more than one outcome was permitted
  std::map<std::string, uint64_t> verdicts_;     // of the engine's fates
  std::map<std::string, uint64_t> protocols_;    // of the packets
  std::map<std::string, uint64_t> states_;       // conntrack's of the packets, as the rules see it
  std::map<std::string, uint64_t> flow_states_;  // as the kernel lists its flows
  std::map<std::string, uint64_t, std::less<>> steps_;  // rules that permitted outcomes met
};

}  // namespace kubeproof::explore
