// kube-proxy's configuration from JSON that was read already; see read_proxy_config.h.
#pragma once

#include "model/cluster/document_json.h"
#include "model/cluster/proxy_config.h"
#include "model/result.h"

namespace kubeproof {

// A KubeProxyConfiguration, or the `proxy` object of a case, which is one without its kind; part of
// `document`.
Result<ProxyConfig> read_proxy_config(const JsonField& field, const JsonDocument& document);

}  // namespace kubeproof
