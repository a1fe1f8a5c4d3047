#include "replay/engine/engine_probe.h"

namespace kubeproof {

std::vector<EngineProbe> probe_engines() {
  return {EngineProbe{"reference", {}, {}}, probe_netfilter(), probe_ebpf_tc(), probe_ebpf_xdp()};
}

}  // namespace kubeproof
