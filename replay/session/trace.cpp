#include "replay/session/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "model/packet/packet_view.h"
#include "replay/compare/captured.h"
#include "replay/compare/explain.h"

namespace kubeproof {
namespace {

constexpr size_t kSummarised = 3;

// Distinct texts in their order, of many only the first few.
class Alternatives {
 public:
  void add(const std::string& text) {
    if (std::find(texts_.begin(), texts_.end(), text) == texts_.end()) texts_.push_back(text);
  }
  std::string join() const {
    std::string joined;
    for (size_t i = 0; i < std::min(kSummarised, texts_.size()); ++i) {
      joined += (i == 0 ? "" : " | ") + texts_[i];
    }
    if (texts_.size() > kSummarised) {
      joined += fmt::format(" | {} more", texts_.size() - kSummarised);
    }
    return joined;
  }

 private:
  std::vector<std::string> texts_;
};

// Puts fates side by side into one summary.
class Summariser {
 public:
  Summariser(const World& world, const Injection& injection)
      : world_(world), in_(parse_packet(injection.packet)) {}

  void add_drop() { verdict_.add("drop"); }
  // What decides is not understood.
  void add_unknown() { verdict_.add("unknown"); }

  void add(ByteView packet, std::optional<Place> place, std::optional<FreePort> free) {
    place_.add(place ? describe_place(world_, *place) : "not shown");
    const auto out = parse_packet(packet);
    if (!out || !in_) return;
    if (is_icmp_error(*out) && !is_icmp_error(*in_)) {
      verdict_.add("reject");
    } else {
      const bool translated = out->destination_endpoint() != in_->destination_endpoint();
      verdict_.add(translated ? "dnat" : "accept");
    }
    source_.add(
        free ? fmt::format("{}, port {}-{}", out->source.to_string(), free->first, free->last)
             : endpoint(*out, out->source_endpoint()));
    destination_.add(endpoint(*out, out->destination_endpoint()));
    ttl_.add(std::to_string(out->ttl));
  }

  TraceSummary summary() const {
    return {verdict_.join(), place_.join(), source_.join(), destination_.join(), ttl_.join()};
  }

 private:
  static std::string endpoint(const PacketView& view, const SocketAddress& address) {
    return view.has_ports && !view.has_icmp ? address.to_string() : address.address.to_string();
  }

  const World& world_;
  tl::expected<PacketView, ParseFailure> in_;
  Alternatives verdict_;
  Alternatives place_;
  Alternatives source_;
  Alternatives destination_;
  Alternatives ttl_;
};

void describe_outcomes(const World& world, const Injection& injection,
                       std::span<const Outcome> outcomes, TraceReport& report) {
  Summariser summariser(world, injection);
  for (const Outcome& outcome : outcomes) {
    TraceOutcome& told = report.outcomes.emplace_back();
    told.probability = outcome.probability;
    told.text = describe_outcome(world, outcome);
    if (outcome.endpoint) told.endpoint = outcome.endpoint->to_string();
    told.masquerade = outcome.masquerade;
    told.rules = outcome.trace;
    if (outcome.undecided) {
      summariser.add_unknown();
    } else if (outcome.emissions.empty()) {
      summariser.add_drop();
    }
    for (const PermittedEmission& emission : outcome.emissions) {
      summariser.add(emission.packet, emission.place, emission.free_port);
    }
  }
  report.permitted = summariser.summary();
}

void describe_fate(const World& world, const Injection& injection, std::span<const Seen> seen,
                   const Judged& judged, TraceColumn& column) {
  Summariser summariser(world, injection);
  if (seen.empty()) summariser.add_drop();
  for (const Seen& one : seen) summariser.add(one.packet, one.place, std::nullopt);
  column.summary = summariser.summary();
  column.seen = describe_seen(world, seen);
  column.judgement = judged.judgement;
  if (judged.judgement != Judgement::kAgrees) column.difference = judged.disagreement.difference;
}

TraceColumn trace_column(const World& world, Column& engine, const Injection& injection) {
  TraceColumn column;
  column.name = engine.name();
  engine.explain(true);
  engine.permit(injection);
  if (const Taken* taken = engine.take({})) {
    std::vector<Seen> seen;
    for (const Emission& emission : taken->fate) seen.push_back({emission.packet, emission.place});
    describe_fate(world, injection, seen, taken->judged, column);
    column.steps = taken->fate.trace;
  }
  return column;
}

bool opens_flow(const PacketView& view) {
  constexpr uint8_t kSyn = 0x02;
  constexpr uint8_t kAck = 0x10;
  return view.protocol != kTcp || (view.tcp_flags & (kSyn | kAck)) == kSyn;
}

// Pods count as one place, and so do uplinks.
bool like_ingress(const World& world, Ingress a, Ingress b) {
  if (a == b) return true;
  const Interface* first = world.find_interface(a.interface);
  const Interface* second = world.find_interface(b.interface);
  return first != nullptr && second != nullptr && first->kind == second->kind;
}

bool is_like(const World& world, const CapturedPacket& captured, const CapturedLike& like,
             const PacketView& wanted) {
  const auto view = parse_packet(captured.packet);
  return view && opens_flow(*view) && view->protocol == wanted.protocol &&
         view->destination_endpoint() == wanted.destination_endpoint() &&
         (!like.same_source || view->source == wanted.source) &&
         like_ingress(world, captured.ingress, like.packet.ingress);
}

}  // namespace

TraceReport trace_packet(Session& session, std::unique_ptr<Oracle> oracle,
                         const Injection& injection) {
  const World& world = session.configuration().world;
  TraceReport report;
  report.packet = describe_packet(injection.packet);
  report.ingress = world.describe(injection.ingress);
  // The session programmed its references with the same configuration, so this one takes it too.
  oracle->explain(true);
  if (oracle->program(session.configuration())) {
    describe_outcomes(world, injection, oracle->evaluate(injection), report);
  }
  std::vector<TraceColumn> traced;
  for (const auto& column : session.columns()) {
    traced.push_back(trace_column(world, *column, injection));
  }
  Report counts;
  session.report_into(counts);
  for (const ColumnReport& column : counts.engines) {
    const auto known = std::find_if(traced.begin(), traced.end(),
                                    [&](const TraceColumn& t) { return t.name == column.name; });
    TraceColumn& told = report.engines.emplace_back();
    if (known != traced.end()) told = std::move(*known);
    told.name = column.name;
    told.status = column.status;
    told.reason = column.reason;
    told.required = column.required;
  }
  return report;
}

Result<std::optional<TraceColumn>> trace_captured(const Configuration& configuration,
                                                  std::unique_ptr<Oracle> oracle,
                                                  const CapturedLike& like) {
  const World& world = configuration.world;
  auto import = CaptureImport::open(like.files, world, like.import);
  if (!import) return tl::unexpected(import.error());
  CapturedCheck check(std::move(oracle), world);
  if (auto programmed = check.program(configuration); !programmed) {
    return tl::unexpected(programmed.error());
  }
  const auto wanted = parse_packet(like.packet.packet);
  CapturedPacket captured;
  std::chrono::nanoseconds last{};
  while (wanted && import->next(captured)) {
    if (last.count() != 0 && captured.time > last) check.advance(captured.time - last);
    last = std::max(last, captured.time);
    const Judged* judged = check.check(captured);
    if (judged == nullptr || !is_like(world, captured, like, *wanted)) continue;
    TraceColumn column;
    column.name = "captured";
    column.source =
        fmt::format("{} frame {}: {}",
                    std::filesystem::path(like.files[captured.place.file]).filename().string(),
                    captured.place.frame, describe_packet(captured.packet));
    std::vector<Seen> seen;
    for (const auto& departure : captured.departures) {
      std::optional<Place> place;
      if (departure.loopback) {
        place = Place::sockets();
      } else if (departure.interface) {
        place = Place{*departure.interface};
      }
      seen.push_back({departure.packet, place});
    }
    describe_fate(world, {captured.ingress, captured.packet, 0}, seen, *judged, column);
    // Nothing was seen leaving: the capture cannot tell a drop from a delivery.
    if (seen.empty()) {
      column.summary.verdict = "drop | accept";
      column.seen = "nothing left the node: dropped, or delivered to its own sockets";
    }
    return std::optional(std::move(column));
  }
  return std::optional<TraceColumn>();
}

}  // namespace kubeproof
