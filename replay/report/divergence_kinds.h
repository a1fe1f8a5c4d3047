// Divergences of one kind: those in which the same things differ, of requests or of replies. A
// broken datapath diverges on very many packets in few ways; which ways, and whose traffic each of
// them meets, points at the cause.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "replay/report/report.h"

namespace kubeproof {

struct DivergenceKind {
  std::string differs;  // "destination port, source address"
  std::string traffic;  // whose: "ClusterIP from outside, pod; IPv6 TCP"
  uint64_t packets = 0;
  const DivergenceReport* first = nullptr;  // refers to the report
};

// The most frequent first.
std::vector<DivergenceKind> divergence_kinds(const std::vector<DivergenceReport>& divergences);

}  // namespace kubeproof
