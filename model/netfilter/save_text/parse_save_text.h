// The text of iptables-save and ip6tables-save as rules: a real node's dump, with whatever else
// lives in its tables. What iptables-restore takes of kube-proxy's own text is read as well.
//
//   *nat
//   :KUBE-SERVICES - [0:0]
//   -A KUBE-SERVICES -d 10.96.0.10/32 -p udp ... -j KUBE-SVC-TCOU7JCQXEZGVUNU
//   COMMIT
//
// Matches and targets that are not among ours are kept as text, so that nothing is lost. Counters
// and comment lines are passed over.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "model/netfilter/rules.h"
#include "model/result.h"

namespace kubeproof::netfilter {

struct SaveText {
  std::string name;  // for messages: the file
  std::string text;
};

// One ruleset for each family that occurs, IPv4 first. Both families may stand in one text, and
// one family's tables in several; a table may occur once for each family.
Result<std::vector<Ruleset>> parse_save_texts(std::span<const SaveText> texts);

}  // namespace kubeproof::netfilter
