// What the programs know of the node itself: its settings, interfaces and addresses, from the world
// and kube-proxy's configuration.
#pragma once

#include <map>
#include <optional>

#include "datapath/bpf/config_abi.h"
#include "datapath/control/endpoint_sets.h"
#include "datapath/control/local_addresses.h"
#include "model/cluster/cluster.h"
#include "model/cluster/proxy_config.h"
#include "model/node/world.h"

namespace kubeproof::control {

// By the name that kube-proxy goes by: hostnameOverride, else the node's own.
NodePlace node_place(const World& world, const Cluster& cluster, const ProxyConfig& proxy);

// kube-proxy's idea of the node's address (pkg/proxy/util/nodeinfo.go,
// cmd/kube-proxy/app/server.go): bindAddress where it names one, else the Node's first InternalIP,
// else its first ExternalIP.
std::optional<IpAddress> node_ip(const World& world, const Cluster& cluster,
                                 const ProxyConfig& proxy, Family family);

// `flags`, but for SETTING_LOCAL_PREFIXES, and the detectors; the marks are the loader's.
abi::settings make_settings(const World& world, const Cluster& cluster, const ProxyConfig& proxy);

// By interface index.
std::map<uint32_t, abi::interface_settings> make_interface_settings(const World& world,
                                                                    const ProxyConfig& proxy);

// Every single address for which packets come in, and whether node ports answer there.
LocalAddresses make_local_addresses(const World& world, const Cluster& cluster,
                                    const ProxyConfig& proxy);

// The same of those that are local by the prefix of a route.
LocalPrefixes make_local_prefixes(const World& world, const Cluster& cluster,
                                  const ProxyConfig& proxy);

}  // namespace kubeproof::control
