// A first pass over captures: whose addresses occur as sources. Where a packet enters the node
// follows from its source, so the world has to know every pod before the import begins.
#pragma once

#include <string>
#include <vector>

#include "model/packet/address.h"
#include "model/result.h"

namespace kubeproof {

struct CaptureSurvey {
  std::vector<IpAddress> sources;  // in the order of their first packets
  uint64_t frames = 0;
  bool complete = true;  // false: more sources of interest than memory is spent on
};

// Sources that lie in one of `prefixes` (the node's pod CIDRs); all of them where there are none.
Result<CaptureSurvey> survey_captures(const std::vector<std::string>& files,
                                      const std::vector<Cidr>& prefixes);

}  // namespace kubeproof
