// kube-proxy's configuration from a file: a KubeProxyConfiguration
// (kubeproxy.config.k8s.io/v1alpha1) in YAML or JSON, or the ConfigMap that kubeadm keeps it in, as
// `kubectl -n kube-system get configmap kube-proxy -o yaml` prints it.
//
// Of fields that change no packet only the names are looked at: one that no release knows is an
// error. Beyond kube-proxy's own fields, `proxyVersion` ("v1.34") names the release to follow.
#pragma once

#include <string>

#include "model/cluster/proxy_config.h"
#include "model/result.h"

namespace kubeproof {

// "-" is standard input.
Result<ProxyConfig> read_proxy_config(const std::string& file);

}  // namespace kubeproof
