// What all rules of one family have in common.
#pragma once

#include "model/packet/address.h"
#include "model/proxier/local_detector.h"

namespace kubeproof::proxier {

struct RuleContext {
  bool masquerade_all = false;
  LocalDetector detector;
  IpAddress node_ip;
  bool localhost_node_ports = false;
  bool account = false;           // with nfacct counters
  bool comment_endpoints = true;  // left out in large clusters, to save memory
};

}  // namespace kubeproof::proxier
