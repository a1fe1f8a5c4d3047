// Rules as text, in the form that iptables-save and ip6tables-save 1.8.9 print: iptables-restore
// takes it, and what is saved then is the same text, but for comment lines and counters.
#pragma once

#include <string>
#include <string_view>

#include "model/netfilter/rules.h"

namespace kubeproof::netfilter {

// "-A CHAIN … -j TARGET", without a newline.
std::string to_text(std::string_view chain, const Rule& rule, Family family);

// All tables: policies, then chains by name as the tools sort them, then the rules chain by chain.
std::string to_text(const Ruleset& ruleset);

}  // namespace kubeproof::netfilter
