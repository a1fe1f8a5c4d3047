#include "model/netfilter/traversal.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>

#include "model/netfilter/defragment_hook.h"
#include "model/packet/checksum.h"

namespace kubeproof::netfilter {
namespace {

// What each hook calls, by priority (include/uapi/linux/netfilter_ipv4.h).
enum class Function : uint8_t {
  kNone,  // behind the last one
  kDefragment,
  kRaw,
  kConntrack,
  kMangle,
  kNat,
  kFilter,
  kSecurity,
  kConfirm
};

Function function_of(Hook hook, uint8_t number) {
  using enum Function;
  using Row = std::array<Function, 8>;
  static constexpr std::array<Row, kHookCount> kFunctions = {
      Row{kDefragment, kRaw, kConntrack, kMangle, kNat},                      // PREROUTING
      Row{kMangle, kFilter, kSecurity, kNat, kConfirm},                       // INPUT
      Row{kMangle, kFilter, kSecurity},                                       // FORWARD
      Row{kDefragment, kRaw, kConntrack, kMangle, kNat, kFilter, kSecurity},  // OUTPUT
      Row{kMangle, kNat, kConfirm},                                           // POSTROUTING
  };
  return kFunctions[static_cast<size_t>(hook)][number];
}

bool goes_to_loopback(const RouteDecision& route) {
  return route.out != nullptr && route.out->kind == InterfaceKind::kLoopback;
}

}  // namespace

void Traversal::run(const Injection& injection, const CompiledRules* rules, const StateView& state,
                    Instant now, OutcomeSet& outcomes) {
  rules_ = rules;
  flows_ = &state.flows;
  recent_ = &state.recent;
  now_ = now;
  outcomes_ = &outcomes;
  outcomes.clear();

  if (paths_.empty()) paths_.emplace_back();
  path_count_ = 1;
  enter(paths_[0], injection);
  while (path_count_ > 0) {
    PacketPath& path = paths_[path_count_ - 1];
    if (path.ended) {
      --path_count_;
    } else {
      follow(path);
    }
  }
}

void Traversal::enter(PacketPath& path, const Injection& injection) {
  path.start();
  path.mark = injection.mark;
  const Interface* in =
      injection.ingress.is_host() ? nullptr : world_.find_interface(injection.ingress.interface);
  size_t length = injection.packet.size();
  if (in != nullptr) {
    const auto received = stack_.receive(injection.packet, *in);
    if (!received) {
      path.packet.assign(injection.packet.begin(), injection.packet.end());
      path.in = in;
      return fail(path, received.error());
    }
    length = *received;
  }
  path.packet.assign(injection.packet.begin(),
                     injection.packet.begin() + static_cast<ptrdiff_t>(length));
  const auto view = parse_packet(path.packet);
  if (!view) return drop(path);
  path.view = *view;
  path.packet.resize(path.view.total_length);
  if (injection.ingress.is_host()) return send_from_process(path);
  path.in = in;
  go_to(path, Hook::kPrerouting);
}

// A packet of the node's own is routed before netfilter sees it. What is too large for its route is
// refused with an error code (raw_send_hdrinc()).
void Traversal::send_from_process(PacketPath& path) {
  const auto route = stack_.route_output(path.view.source, path.view.destination);
  if (!route) return fail(path, route.error());
  if (path.packet.size() > route->out->mtu) {
    note(path, [&] { return "refused: larger than the MTU of " + route->out->name; });
    return drop(path);
  }
  leave_node(path, *route);
}

void Traversal::leave_node(PacketPath& path, const RouteDecision& route) {
  path.route = route;
  path.in = nullptr;
  path.out = route.out;
  go_to(path, Hook::kOutput);
}

void Traversal::follow(PacketPath& path) {
  while (!path.ended) {
    if (rules_ == nullptr || !run_function(path)) leave_hook(path);
  }
}

bool Traversal::run_function(PacketPath& path) {
  const ConntrackContext context{flows_->connections, settings_, now_};
  // Counted first, so that ways that part here go on behind it.
  switch (function_of(path.hook, path.next_function++)) {
    case Function::kNone:
      return false;
    case Function::kDefragment:
      if (!defragment(path, flows_->fragments, now_)) {
        note(path, [] { return std::string("held back: a fragment"); });
        drop(path);
      }
      break;
    case Function::kRaw:
      run_table(path, TableName::kRaw);
      break;
    case Function::kMangle:
      run_table(path, TableName::kMangle);
      break;
    case Function::kFilter:
      run_table(path, TableName::kFilter);
      break;
    case Function::kSecurity:
      run_table(path, TableName::kSecurity);
      break;
    case Function::kConntrack:
      if (!track_packet(path, context)) {
        note(path, [] { return std::string("unknown: conntrack follows its protocol otherwise"); });
        path.undecided = true;
        drop(path);
        break;
      }
      note(path, [&] { return "conntrack " + describe_tracking(path, context); });
      break;
    case Function::kNat:
      run_nat(path);
      break;
    case Function::kConfirm:
      if (!confirm(path, context)) {
        note(path, [] { return std::string("dropped: another connection has its tuple"); });
        drop(path);
      }
      break;
  }
  return true;
}

void Traversal::leave_hook(PacketPath& path) {
  switch (path.hook) {
    case Hook::kPrerouting:
      return leave_prerouting(path);
    case Hook::kInput:
      return deliver(path);
    case Hook::kForward:
      finish_forward(path);
      [[fallthrough]];
    case Hook::kOutput:
      path.out = path.route.out;
      return go_to(path, Hook::kPostrouting);
    case Hook::kPostrouting:
      return leave_postrouting(path);
  }
}

void Traversal::leave_prerouting(PacketPath& path) {
  // What loops keeps the route that its sender found, unless PREROUTING changed where it goes.
  if (!path.looped || path.view.destination != path.looped_destination) {
    const auto route = stack_.route_input(path.packet, *path.in, path.options);
    note_clock(path);
    if (!route) return fail(path, route.error());
    path.route = *route;
  } else {
    const auto looped = stack_.receive_looped(path.packet, *path.in, path.options);
    note_clock(path);
    if (!looped) return fail(path, looped.error());
  }
  if (path.route.verdict != RouteVerdict::kForward) return go_to(path, Hook::kInput);
  if (const auto forwarded = stack_.forward(path.largest_piece(), *path.in, path.route);
      !forwarded) {
    return fail(path, forwarded.error());
  }
  --path.view.ttl;
  path.out = path.route.out;
  note(path, [&] { return "forwarded to " + path.out->name; });
  go_to(path, Hook::kForward);
}

void Traversal::note_clock(PacketPath& path) {
  if (path.options.clock_at) path.clocks.push_back({.packet_offset = *path.options.clock_at});
}

void Traversal::finish_forward(PacketPath& path) {
  if (!IpStack::finish_forward(path.packet, path.route, path.options)) return;
  for (ClockField& clock : path.clocks) {
    if (clock.packet_offset < path.view.transport_offset) clock.in_header_checksum = true;
  }
}

void Traversal::leave_postrouting(PacketPath& path) {
  if (goes_to_loopback(path.route)) return come_back(path, *path.out);
  // What is too large and may be cut is compared whole, and so given whole.
  const auto size = stack_.output_size(path.largest_piece(), *path.out);
  if (!size) return fail(path, size.error());
  if (*size == IpStack::OutputSize::kNeedsFragmenting) IpStack::put_together_again(path.packet);
  const Place place{path.out->index};
  // Of two copies, both have been through POSTROUTING, where nothing draws lots for each.
  const bool both_ways = path.in == nullptr && stack_.comes_back(path.view.destination);
  if (!both_ways) return emit(path, place);
  if (!IpStack::stays_here(path.view.destination)) {
    fill_emission(path, place, path.left.emplace_back());
  }
  path.route.verdict = RouteVerdict::kLocal;
  come_back(path, *path.out);
}

void Traversal::come_back(PacketPath& path, const Interface& at) {
  path.in = &at;
  path.out = nullptr;
  path.looped = true;
  path.looped_destination = path.view.destination;
  // What has no connection yet is put together again on its way to one.
  if (path.attachment.kind == Attachment::Kind::kNone) path.first_piece.reset();
  // The node's own IPv4 headers are right.
  if (path.view.family == Family::kIpv6) {
    const bool copied = at.kind != InterfaceKind::kLoopback;
    if (const auto received = stack_.receive(path.packet, at, copied); !received) {
      return fail(path, received.error());
    }
  }
  go_to(path, Hook::kPrerouting);
}

std::span<WalkEnd> Traversal::walk(PacketPath& path, TableName table) {
  const ChainWalk::Context context{.rules = *rules_,
                                   .recent = *recent_,
                                   .routes = routes_,
                                   .now = now_,
                                   .explain = options.explain,
                                   .linear = options.linear};
  return walk_.run(context, table, path.hook,
                   {.view = path.view,
                    .in = path.in,
                    .out = path.out,
                    .mark = path.mark,
                    .conntrack_states = conntrack_states(path.attachment),
                    .changes = path.change.recent});
}

void Traversal::run_table(PacketPath& path, TableName table) {
  if (!rules_->entry(table, path.hook)) return;
  const auto ends = walk(path, table);
  for (size_t i = ends.size(); i-- > 0;) settle(i == 0 ? path : part(path), ends[i]);
}

bool Traversal::settle(PacketPath& path, WalkEnd& end) {
  path.probability *= end.probability;
  path.mark = end.mark;
  std::swap(path.change.recent, end.changes);
  for (std::string& line : end.trace) path.trace.push_back(std::move(line));
  switch (end.verdict) {
    case Verdict::kAccept:
      return true;
    case Verdict::kDrop:
      drop(path);
      break;
    case Verdict::kReject:
      reject(path);
      break;
    case Verdict::kUnknown:
      path.undecided = true;
      drop(path);
      break;
  }
  return false;
}

PacketPath& Traversal::part(const PacketPath& path) {
  if (path_count_ == paths_.size()) paths_.emplace_back();
  PacketPath& copy = paths_[path_count_++];
  copy = path;
  return copy;
}

void Traversal::go_to(PacketPath& path, Hook hook) {
  path.hook = hook;
  path.next_function = 0;
}

}  // namespace kubeproof::netfilter
