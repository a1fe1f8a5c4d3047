// Who is where in generated worlds: few addresses of each role, so that flows meet each other.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "model/packet/address.h"

namespace kubeproof::explore {

// Of one family.
struct AddressPlan {
  Family family = Family::kIpv4;
  IpAddress node;             // the node's own, on the uplink
  IpAddress second_node;      // another address of the node, in the same subnet
  IpAddress node_among_pods;  // another address of the node, out of its pods' range
  IpAddress loopback;
  // The node's own, where it is described to have such interfaces.
  IpAddress bridge;
  IpAddress overlay;
  IpAddress storage;  // on a second uplink, whose gateway is the next
  IpAddress storage_gateway;
  IpAddress link_local;
  IpAddress neighbour;   // on the uplink's link, a machine
  IpAddress other_node;  // on the uplink's link, a node of the cluster
  std::vector<IpAddress> pods_here;
  std::vector<IpAddress> pods_elsewhere;
  std::vector<IpAddress> outside;
  std::vector<IpAddress> cluster_ips;
  std::vector<IpAddress> external_ips;  // for load balancers and spec.externalIPs; nobody's own
  std::string node_prefix;              // "/24", of any subnet
  std::string pod_cidr;                 // of the node
  std::string cluster_cidr;             // of all pods
};

const AddressPlan& address_plan(Family family);

inline constexpr std::array kFamilies = {Family::kIpv4, Family::kIpv6};
inline constexpr const char* kNodeName = "node-a";
inline constexpr const char* kOtherNodeName = "node-b";

}  // namespace kubeproof::explore
