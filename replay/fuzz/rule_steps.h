// Which of kube-proxy's rules a packet met, by the step of syncProxyRules() that wrote them: A for
// clusterIPs, X externalIPs, L load balancer addresses, N node ports, H health check node ports, C
// the masquerading of a clusterIP's clients, E the external chain, F the source ranges, S the
// choice of an endpoint, P the endpoint's chain, T the way into the node ports, K what every packet
// meets. Of two steps that write rules of one form, what the address is to the service tells.
#pragma once

#include <span>
#include <string_view>

#include "replay/fuzz/service_index.h"

namespace kubeproof::explore {

// All that there are, in order.
std::span<const std::string_view> rule_steps();

// Of a line of the reference's trace; empty for one that is no rule of kube-proxy's, or a jump from
// a built-in chain.
std::string_view rule_step(std::string_view trace_line, const ServiceIndex& services);

}  // namespace kubeproof::explore
