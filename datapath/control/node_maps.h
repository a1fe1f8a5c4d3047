// Makes the maps and variables of the node itself say what its settings say: a few entries each,
// rewritten where they differ.
#pragma once

#include <cstring>
#include <map>
#include <string>

#include "datapath/bpf/config_abi.h"
#include "datapath/control/bpf_map.h"
#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"

namespace kubeproof::control {

struct NodeMapHandles {
  abi::settings* settings = nullptr;  // a variable of the programs, shared with them
  BpfMap<uint32_t, abi::interface_settings> interfaces;
  BpfMap<abi::local_address_key, abi::local_address> local_addresses;
};

class NodeMaps {
 public:
  explicit NodeMaps(NodeMapHandles maps) : maps_(std::move(maps)) {}

  Result<void> program(const World& world, const Cluster& cluster, const ProxyConfig& proxy);

  // What the interface's own packets begin with. All are taken for Ethernet until this is said.
  Result<void> set_link_header(uint32_t interface, uint32_t length);

 private:
  struct KeyOrder {
    bool operator()(const abi::local_address_key& a, const abi::local_address_key& b) const {
      return std::memcmp(&a, &b, sizeof a) < 0;
    }
  };

  NodeMapHandles maps_;
  std::map<uint32_t, abi::interface_settings> interfaces_;
  std::map<uint32_t, uint32_t> link_headers_;
  std::map<abi::local_address_key, abi::local_address, KeyOrder> local_addresses_;
};

}  // namespace kubeproof::control
