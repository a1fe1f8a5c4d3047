// Which pods are on the node, and which addresses belong to one pod: the Pod objects and endpoints
// that name the node, and addresses of the node's pod CIDRs that occur in traffic. A pod on the
// host's network has the node's own address and is no pod in this sense.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "model/cluster/cluster.h"
#include "model/node/node_spec.h"
#include "model/packet/address.h"

namespace kubeproof {

class NodePods {
 public:
  explicit NodePods(const NodeSpec& node);

  // Called for every state of a timeline in turn, so that one world fits all of it: a pod keeps
  // its place for as long as it keeps an address.
  void add(const Cluster& cluster);

  // An address seen in traffic; ignored unless it is a pod's.
  void add_traffic_address(const IpAddress& address);

  // The addresses of each pod, in the order in which the pods came up.
  const std::vector<std::vector<IpAddress>>& addresses() const { return pods_; }

 private:
  void add_pod(const std::vector<std::string>& address_texts);
  void add_pod(const std::vector<IpAddress>& addresses);
  bool is_node_address(const IpAddress& address) const;

  std::string node_name_;
  std::vector<IpAddress> node_addresses_;
  std::vector<Cidr> pod_cidrs_;
  std::vector<std::vector<IpAddress>> pods_;
  std::unordered_map<IpAddress, size_t> pod_of_;
};

}  // namespace kubeproof
