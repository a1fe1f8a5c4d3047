// Arbitrary rule sets, and packets that have a good chance of meeting their rules: both draw from
// the same few addresses, ports, marks and lists (A, B and C).
#pragma once

#include <rapidcheck.h>

#include "model/netfilter/rules.h"
#include "model/packet/bytes.h"

namespace kubeproof::netfilter {

// A filter table with everything hung in FORWARD: four user chains, each jumping only to later
// ones.
rc::Gen<Ruleset> arbitrary_filter();

// IPv4: TCP, UDP, ICMP, others, fragments, and transport headers that are cut short.
rc::Gen<Bytes> arbitrary_packet();

}  // namespace kubeproof::netfilter
