// Short forms of rules that occur again and again.
#pragma once

#include <string>

#include "model/netfilter/rules.h"
#include "model/proxier/service_port.h"

namespace kubeproof::proxier {

// `-m comment --comment COMMENT -j TARGET`
netfilter::Rule commented_rule(std::string comment, netfilter::Target target);

// `-m comment --comment COMMENT -m PROTO -p PROTO -d ADDRESS --dport PORT -j TARGET`
netfilter::Rule frontend_rule(const ServicePortInfo& port, const IpAddress& address,
                              std::string comment, netfilter::Target target);

// `-j KUBE-MARK-MASQ`
netfilter::Target mark_for_masquerade();

}  // namespace kubeproof::proxier
