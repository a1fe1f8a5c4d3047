#include "model/proxier/local_detector.h"

#include "model/cluster/address_text.h"

namespace kubeproof::proxier {

Result<LocalDetector> LocalDetector::make(const ProxyConfig& config, const NodeIdentity& node,
                                          Family family) {
  LocalDetector detector;
  switch (config.detect_local_mode) {
    case DetectLocalMode::kClusterCidr:
      for (const std::string& text : config.cluster_cidrs) {
        const auto cidr = parse_sloppy_cidr(text);
        if (!cidr) return bad_input("clusterCIDR: '{}' is not ADDRESS/LENGTH", text);
        if (cidr->family() == family && !detector.source_) detector.source_ = *cidr;
      }
      break;
    case DetectLocalMode::kNodeCidr:
      for (const Cidr& cidr : node.pod_cidrs) {
        if (cidr.family() == family && !detector.source_) detector.source_ = cidr;
      }
      break;
    case DetectLocalMode::kBridgeInterface:
      detector.interface_ = {config.bridge_interface, false};
      break;
    case DetectLocalMode::kInterfaceNamePrefix:
      detector.interface_ = {config.interface_name_prefix, true};
      break;
  }
  return detector;
}

void LocalDetector::match(netfilter::Rule& rule, bool negated) const {
  if (source_) rule.source = {*source_, negated};
  if (interface_) rule.in_interface = {*interface_, negated};
}

}  // namespace kubeproof::proxier
