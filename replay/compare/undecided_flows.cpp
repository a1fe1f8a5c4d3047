#include "replay/compare/undecided_flows.h"

#include <algorithm>

#include "model/packet/packet_view.h"
#include "replay/compare/flow_key.h"

namespace kubeproof {
namespace {

// One end, whatever the other is.
FlowKey end_of_any_flow(const SocketAddress& end, uint8_t protocol) {
  return {end, {}, protocol};
}

}  // namespace

bool UndecidedFlows::concern(ByteView packet) const {
  const auto flow = flow_key(packet);
  return flow &&
         (flows_.find(*flow) != 0 || ends_.find(end_of_any_flow(flow->low, flow->protocol)) != 0 ||
          ends_.find(end_of_any_flow(flow->high, flow->protocol)) != 0);
}

bool UndecidedFlows::may_clash(std::span<const Outcome> outcomes) const {
  const auto is_held = [this](const PermittedEmission& emission) {
    const auto flow = flow_key(emission.packet);
    return flow && flows_.find(*flow) != 0;
  };
  return std::any_of(outcomes.begin(), outcomes.end(), [&](const Outcome& outcome) {
    return std::any_of(outcome.emissions.begin(), outcome.emissions.end(), is_held);
  });
}

void UndecidedFlows::add(ByteView packet, std::span<const Seen> seen) {
  const auto view = parse_packet(packet);
  if (view && view->has_ports && !concern(packet)) {
    ends_.add(end_of_any_flow({view->source, view->source_port}, view->protocol), 1);
  }
  const auto add_flow = [this](ByteView one) {
    if (const auto flow = flow_key(one)) flows_.add(*flow, 1);
  };
  add_flow(packet);
  for (const Seen& one : seen) add_flow(one.packet);
}

}  // namespace kubeproof
