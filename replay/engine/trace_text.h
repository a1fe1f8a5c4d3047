// The datapath's decision trace in words.
#pragma once

#include <string>
#include <string_view>

#include "datapath/bpf/trace_abi.h"
#include "model/node/world.h"

namespace kubeproof {

// "new flow", "policy Local, but no endpoint on this node".
std::string_view reason_text(abi::reason reason);

// One line: which program at which interface, why, what it made of the packet, and where it went:
// "tc ingress eth0: new flow of default/web:http, 203.0.113.7:4000 > 10.96.0.10:80 becomes
// 203.0.113.7:4000 > 10.180.0.9:8080; masquerade". `service` may be empty.
std::string describe_decision(const abi::trace_record& record, const World& world,
                              std::string_view service);

}  // namespace kubeproof
