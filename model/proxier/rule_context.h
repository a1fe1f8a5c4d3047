// What all rules of one family have in common.
#pragma once

#include "model/packet/address.h"
#include "model/proxier/local_detector.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

struct RuleContext {
  Release release{ProxyConfig{}};
  bool masquerade_all = false;
  LocalDetector detector;
  IpAddress node_ip;
  bool localhost_node_ports = false;
  bool account = false;                    // with nfacct counters
  bool comment_endpoints = true;           // left out in large clusters, to save memory
  bool node_ports_have_an_address = true;  // nodePortAddresses match some address of the node
};

}  // namespace kubeproof::proxier
