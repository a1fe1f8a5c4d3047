#include "tools/kubeproof/trace_request.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "replay/session/trace.h"
#include "tools/kubeproof/snapshot_options.h"
#include "tools/kubeproof/traced_packet.h"

namespace kubeproof {

Result<TraceReport> answer(const TraceRequest& request, const Snapshot& snapshot,
                           const EngineOptions& engine_options) {
  const auto to = parse_destination(request.to);
  if (!to) return tl::unexpected(to.error());
  const auto source = parse_origin(request.from);
  if (!source) return tl::unexpected(source.error());
  std::vector<IpAddress> traffic;
  if (source->address) traffic.push_back(*source->address);
  auto configuration = configure(snapshot, traffic);
  if (!configuration) return tl::unexpected(configuration.error());
  if (auto installed = request.rules.install(*configuration); !installed) {
    return tl::unexpected(installed.error());
  }
  const auto packet = make_traced_packet(configuration->world, *source, *to);
  if (!packet) return tl::unexpected(packet.error());
  const Injection injection{packet->ingress, packet->packet, 0};

  auto engines = engine_options.make();
  if (!engines) return tl::unexpected(engines.error());
  auto session = Session::start(*configuration, *std::move(engines), make_oracle);
  if (!session) return tl::unexpected(session.error());
  TraceReport report = trace_packet(**session, make_oracle(), injection);

  if (!request.captures.empty()) {
    CapturedLike like;
    like.files = request.captures;
    like.import.world_is_the_nodes = snapshot.node.interfaces.has_value();
    like.packet = injection;
    like.same_source = source->address.has_value();
    auto captured = trace_captured(*configuration, make_oracle(), like);
    if (!captured) return tl::unexpected(captured.error());
    if (!*captured) {
      return bad_input("--pcap: no such packet was captured: {} to {}", request.from, request.to);
    }
    report.captured = *std::move(*captured);
  }
  return report;
}

}  // namespace kubeproof
