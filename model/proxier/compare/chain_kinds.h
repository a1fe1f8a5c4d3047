// Which chains are kube-proxy's, and what their names say.
#pragma once

#include <string_view>

namespace kubeproof::proxier {

// Written by kube-proxy, of this release or an older one; the kubelet's and others' are not.
bool is_proxy_chain(std::string_view chain);

// A chain of one service port: KUBE-SVC-…, KUBE-SEP-… and so on.
bool is_service_chain(std::string_view chain);

// A chain with rules of all services, which come in any order.
bool is_dispatch_chain(std::string_view chain);

// "ns/name:port" of a rule's comment; empty where the comment is not about a service.
std::string_view service_of_comment(std::string_view comment);

}  // namespace kubeproof::proxier
