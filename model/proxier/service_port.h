// What kube-proxy makes of one port of a Service, for one family (pkg/proxy/serviceport.go,
// pkg/proxy/util/utils.go, pkg/api/v1/service/util.go).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/packet/address.h"
#include "model/proxier/names.h"
#include "model/proxier/release.h"

namespace kubeproof::proxier {

struct ServicePortInfo {
  ServicePortName name;
  IpAddress cluster_ip;
  uint16_t port = 0;
  uint16_t node_port = 0;  // 0: none
  bool client_ip_affinity = false;
  uint32_t affinity_timeout_seconds = 0;
  bool external_policy_local = false;
  bool internal_policy_local = false;
  std::vector<IpAddress> external_ips;
  bool has_external_ips = false;  // even if they are not to be served
  std::vector<IpAddress> load_balancer_vips;
  std::vector<Cidr> source_ranges;  // empty: everybody
  uint16_t health_check_node_port = 0;
  bool hints_count = true;  // topology hints of the endpoints are to be honoured

  // Reachable by something other than the cluster IP.
  bool externally_accessible() const;
  // Whether any traffic goes by the Cluster policy: a Local external policy still needs it for
  // traffic from the node and its pods.
  bool uses_cluster_endpoints() const;
  bool uses_local_endpoints() const;
};

// Empty where the Service is none of kube-proxy's business, or not of this family.
std::vector<ServicePortInfo> service_ports(const Service& service, Family family, Release release);

}  // namespace kubeproof::proxier
