// The rules that engines which run iptables rules install for a configuration.
#pragma once

#include <memory>

#include "model/netfilter/rules.h"
#include "model/result.h"
#include "replay/engine/engine.h"

namespace kubeproof {

// The configuration's own rules where it has them for the family, else kube-proxy's.
Result<std::shared_ptr<const netfilter::Ruleset>> installed_rules(const Configuration& of,
                                                                  Family family);

}  // namespace kubeproof
