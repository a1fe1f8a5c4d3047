// What is odd about a snapshot and yet no error, since kube-proxy takes it too: most often a part
// of the objects was not saved.
#pragma once

#include <string>
#include <vector>

#include "model/cluster/objects.h"
#include "model/cluster/proxy_config.h"

namespace kubeproof {

// One line each; empty where nothing is odd.
std::vector<std::string> snapshot_notes(const Objects& objects, const ProxyConfig& proxy = {});

}  // namespace kubeproof
