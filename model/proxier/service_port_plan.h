// What is to be written for one service port: which chains exist, where traffic goes, and what is
// refused (the derived variables at the head of the loop in pkg/proxy/iptables/proxier.go
// syncProxyRules).
#pragma once

#include <optional>
#include <string>

#include "model/netfilter/rules.h"
#include "model/proxier/categorize.h"
#include "model/proxier/names.h"
#include "model/proxier/service_port.h"

namespace kubeproof::proxier {

// How traffic without a usable endpoint is turned away.
struct Refusal {
  netfilter::Target target;
  std::string comment;
};

// Refers to the service port and the endpoints that it was made from.
struct ServicePortPlan {
  ServicePortPlan(const ServicePortInfo& port, const Categorized& categorized, Release release);

  const ServicePortInfo& info;
  const Categorized& endpoints;
  std::string name;  // "namespace/name:port"
  ServicePortChains chains;

  // Traffic to the cluster IP, and traffic from outside, by their traffic policies.
  std::string internal_chain;
  std::string external_chain;
  std::optional<Refusal> internal_refusal;  // present where there is no endpoint for it
  std::optional<Refusal> external_refusal;

  bool writes_cluster_chain = false;
  bool writes_local_chain = false;
  bool writes_external_chain = false;
  bool writes_firewall_chain = false;

  bool has_endpoints() const { return endpoints.has_any; }
  // Where traffic to a load balancer's address goes first.
  const std::string& load_balancer_chain() const {
    return writes_firewall_chain ? chains.firewall : chains.external;
  }
};

}  // namespace kubeproof::proxier
