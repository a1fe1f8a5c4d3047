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

// `-m comment --comment COMMENT -m PROTO -p PROTO --dport PORT -j TARGET`
netfilter::Rule node_port_rule(const ServicePortInfo& port, std::string comment,
                               netfilter::Target target);

// `-m comment --comment COMMENT -m addrtype --dst-type LOCAL -m PROTO -p PROTO --dport PORT -j
// TARGET`
netfilter::Rule refused_node_port_rule(const ServicePortInfo& port, std::string comment,
                                       netfilter::Target target);

// So that the load balancer's probes reach kube-proxy whatever the node's firewall says.
netfilter::Rule health_check_rule(const ServicePortInfo& port, const std::string& name);

// `-m comment --comment COMMENT -m addrtype --src-type LOCAL -j TARGET`
netfilter::Rule local_source_rule(std::string comment, netfilter::Target target);

// `-j KUBE-MARK-MASQ`
netfilter::Target mark_for_masquerade();

// `-j KUBE-MARK-DROP`: the kubelet's KUBE-FIREWALL drops it on the way into or out of the node, but
// not on the way through.
netfilter::Target mark_for_drop();

}  // namespace kubeproof::proxier
