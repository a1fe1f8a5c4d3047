// Makes the maps and variables of the node itself say what its settings say. They belong together,
// so there are two generations of them: the one that packets do not go by is written, and then
// becomes the one that they go by (present_state in maps.bpf.h).
#pragma once

#include <array>
#include <cstring>
#include <map>
#include <optional>

#include "datapath/bpf/config_abi.h"
#include "datapath/control/bpf_map.h"
#include "datapath/control/link.h"
#include "datapath/control/map_transaction.h"
#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"

namespace kubeproof::control {

struct NodeMapHandles {
  abi::settings* settings = nullptr;  // variables of the programs; one for each generation
  BpfMap<abi::interface_key, abi::interface_settings> interfaces;
  BpfMap<abi::local_address_key, abi::local_address> local_addresses;
  BpfMap<abi::local_address_key, abi::local_address> local_prefixes;
};

class NodeMaps {
 public:
  explicit NodeMaps(NodeMapHandles maps) : maps_(std::move(maps)) {}

  // These write what packets will meet that go by next_generation(); none may still go by it. To be
  // taken back where take_over() is not called.
  Result<void> prepare(const World& world, const Cluster& cluster, const ProxyConfig& proxy,
                       MapTransaction& transaction);
  // All links are taken for Ethernet, with an address of zeros, until this is said.
  Result<void> prepare_link(uint32_t interface, const Link& link, MapTransaction& transaction);
  // INTERFACE_XDP…, none until this is said.
  Result<void> prepare_xdp(uint32_t interface, uint32_t flags, MapTransaction& transaction);

  // The present one, if nothing changes.
  uint32_t next_generation() const;
  const abi::settings& next_settings() const {
    return next_ ? next_->settings : nodes_[generation_].settings;
  }
  // Packets go by it.
  void take_over();

  const abi::settings& settings() const { return nodes_[generation_].settings; }

 private:
  struct KeyOrder {
    template <class Key>
    bool operator()(const Key& a, const Key& b) const {
      return std::memcmp(&a, &b, sizeof a) < 0;
    }
  };
  template <class Key, class Value>
  using Mirror = std::map<Key, Value, KeyOrder>;

  // As the maps have it; generations differ in their keys.
  struct Node {
    abi::settings settings{};
    Mirror<uint32_t, abi::interface_settings> interfaces;
    Mirror<abi::local_address_key, abi::local_address> addresses;
    Mirror<abi::local_address_key, abi::local_address> prefixes;
  };

  static bool same(const Node& one, const Node& other);
  Node make_node(const World& world, const Cluster& cluster, const ProxyConfig& proxy) const;
  Result<void> check_room(const Node& next) const;
  // Unless it is the present one.
  Result<void> prepare(Node next, MapTransaction& transaction);
  Result<void> write(const Node& next, MapTransaction& transaction);

  // Adds to what the world says of an interface what is known of its link and of XDP.
  void complete(uint32_t interface, abi::interface_settings& settings) const;
  Result<void> prepare_completed(uint32_t interface, MapTransaction& transaction);

  NodeMapHandles maps_;
  std::array<Node, GENERATIONS> nodes_;
  uint32_t generation_ = 0;  // that packets go by
  std::optional<Node> next_;
  std::map<uint32_t, Link> links_;
  std::map<uint32_t, uint32_t> xdp_flags_;
};

}  // namespace kubeproof::control
