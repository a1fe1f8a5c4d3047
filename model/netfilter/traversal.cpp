#include "model/netfilter/traversal.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <utility>

#include "model/netfilter/defragment_hook.h"
#include "model/netfilter/nat_binding.h"
#include "model/netfilter/nat_rewrite.h"
#include "model/node/ip_options.h"

namespace kubeproof::netfilter {
namespace {

// What a hook calls, by priority (include/uapi/linux/netfilter_ipv4.h).
enum class Function : uint8_t {
  kDefragment,
  kRaw,
  kConntrack,
  kMangle,
  kNat,
  kFilter,
  kSecurity,
  kConfirm
};

std::span<const Function> functions_of(Hook hook) {
  using enum Function;
  static constexpr std::array kPrerouting{kDefragment, kRaw, kConntrack, kMangle, kNat};
  static constexpr std::array kInput{kMangle, kFilter, kSecurity, kNat, kConfirm};
  static constexpr std::array kForward{kMangle, kFilter, kSecurity};
  static constexpr std::array kOutput{kDefragment, kRaw,    kConntrack, kMangle,
                                      kNat,        kFilter, kSecurity};
  static constexpr std::array kPostrouting{kMangle, kNat, kConfirm};
  switch (hook) {
    case Hook::kPrerouting:
      return kPrerouting;
    case Hook::kInput:
      return kInput;
    case Hook::kForward:
      return kForward;
    case Hook::kOutput:
      return kOutput;
    case Hook::kPostrouting:
      break;
  }
  return kPostrouting;
}

bool goes_to_loopback(const RouteDecision& route) {
  return route.out != nullptr && route.out->kind == InterfaceKind::kLoopback;
}

// nf_nat_masquerade_ipv4() leaves a host alone that has no address yet; its brother of IPv6 does
// not.
bool may_masquerade(const Connection& connection) {
  const IpAddress& source = connection.original.source;
  return !source.is_v4() || !source.is_unspecified();
}

// Where an emission shows the source port that was chosen for its connection: as its own, or in an
// error on its way to the server as that which the quoted answer was for.
std::optional<uint16_t> place_of_drawn_port(const PacketPath& path) {
  const PacketView& view = path.view;
  if (!is_icmp_error(view)) {
    return static_cast<uint16_t>(view.transport_offset + (view.has_icmp ? 4 : 0));
  }
  if (path.attachment.direction == Direction::kReply) return std::nullopt;
  const size_t quote = view.transport_offset + kIcmpHeaderSize;
  const auto quoted = parse_quoted_packet(ByteView(path.packet).subspan(quote));
  if (!quoted || !quoted->has_ports) return std::nullopt;
  return static_cast<uint16_t>(quote + quoted->transport_offset + (quoted->has_icmp ? 4 : 2));
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

// What is too large for its route is refused with an error code (raw_send_hdrinc()).
void Traversal::send_from_process(PacketPath& path) {
  const auto route = stack_.route_output(path.view.source, path.view.destination);
  const bool fits = !route || route->out == nullptr || path.packet.size() <= route->out->mtu;
  if (!fits) {
    note(path, [&] { return "refused: larger than the MTU of " + route->out->name; });
    return drop(path);
  }
  send_from_node(path);
}

// A packet of the node's own is routed before netfilter sees it.
void Traversal::send_from_node(PacketPath& path) {
  const auto route = stack_.route_output(path.view.source, path.view.destination);
  if (!route) return fail(path, route.error());
  path.route = *route;
  path.in = nullptr;
  path.out = route->out;
  go_to(path, Hook::kOutput);
}

void Traversal::follow(PacketPath& path) {
  while (!path.ended) {
    if (rules_ != nullptr && path.next_function < functions_of(path.hook).size()) {
      run_function(path);
    } else {
      leave_hook(path);
    }
  }
}

void Traversal::run_function(PacketPath& path) {
  const ConntrackContext context{flows_->connections, settings_, now_};
  // Counted first, so that ways that part here go on behind it.
  switch (functions_of(path.hook)[path.next_function++]) {
    case Function::kDefragment:
      if (!defragment(path, flows_->fragments, now_)) {
        note(path, [] { return std::string("held back: a fragment"); });
        drop(path);
      }
      return;
    case Function::kRaw:
      return run_table(path, TableName::kRaw);
    case Function::kMangle:
      return run_table(path, TableName::kMangle);
    case Function::kFilter:
      return run_table(path, TableName::kFilter);
    case Function::kSecurity:
      return run_table(path, TableName::kSecurity);
    case Function::kConntrack:
      track_packet(path, context);
      return note(path, [&] { return "conntrack " + describe_tracking(path, context); });
    case Function::kNat:
      return run_nat(path);
    case Function::kConfirm:
      if (!confirm(path, context)) {
        note(path, [] { return std::string("dropped: another connection has its tuple"); });
        drop(path);
      }
      return;
  }
}

void Traversal::leave_hook(PacketPath& path) {
  switch (path.hook) {
    case Hook::kPrerouting:
      return leave_prerouting(path);
    case Hook::kInput:
      return deliver(path);
    case Hook::kForward:
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
    const auto route = stack_.route_input(path.packet, *path.in);
    if (!route) return fail(path, route.error());
    path.route = *route;
  } else if (path.view.family == Family::kIpv4) {
    // ip_rcv_options() looks at them all the same.
    if (const auto refusal = refuse_ipv4_options(path.packet)) return fail(path, *refusal);
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

void Traversal::leave_postrouting(PacketPath& path) {
  if (goes_to_loopback(path.route)) {
    path.in = path.out;
    path.out = nullptr;
    path.looped = true;
    path.looped_destination = path.view.destination;
    // The node's own IPv4 headers are right.
    if (path.view.family == Family::kIpv6) {
      if (const auto received = stack_.receive(path.packet, *path.in); !received) {
        return fail(path, received.error());
      }
    }
    return go_to(path, Hook::kPrerouting);
  }
  // What is too large and may be cut is compared whole, and so given whole.
  const auto size = stack_.output_size(path.largest_piece(), *path.out);
  if (!size) return fail(path, size.error());
  emit(path, Place{path.out->index});
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

// nf_nat_inet_fn()
void Traversal::run_nat(PacketPath& path) {
  if (!rules_->has_table(TableName::kNat) || !path.attachment.attached()) return;
  const Attachment& attachment = path.attachment;
  const Connection& connection = attachment.connection;
  if (attachment.relation == Attachment::Relation::kRelated && is_icmp_error(path.view)) {
    if (!translate_icmp_error(path.packet, path.view, connection, attachment.direction,
                              path.hook)) {
      return drop(path);
    }
    return reroute(path);
  }
  const bool decided = manipulation_at(path.hook) == Manipulation::kSource
                           ? connection.source_nat_done
                           : connection.destination_nat_done;
  if (attachment.kind == Attachment::Kind::kUnconfirmed && !decided) return decide_nat(path);

  // MASQUERADE's address is no longer right where a packet leaves another way.
  if (path.hook == Hook::kPostrouting && attachment.direction == Direction::kOriginal &&
      connection.masquerade_interface != 0 && connection.masquerade_interface != path.out->index) {
    path.change.kind = StateChange::Kind::kNone;
    path.change.erased = attachment.id;
    note(path, [] { return std::string("dropped: masqueraded for another interface"); });
    return drop(path);
  }
  apply_nat(path);
}

void Traversal::decide_nat(PacketPath& path) {
  if (!rules_->entry(TableName::kNat, path.hook)) return bind_nat(path, {});
  const auto ends = walk(path, TableName::kNat);
  for (size_t i = ends.size(); i-- > 0;) {
    PacketPath& way = i == 0 ? path : part(path);
    if (settle(way, ends[i])) bind_nat(way, ends[i].nat);
  }
}

void Traversal::bind_nat(PacketPath& path, const NatChoice& choice) {
  Connection& connection = path.attachment.connection;
  const Manipulation manipulation = manipulation_at(path.hook);
  BindingRequest request = BindingRequest::null(connection, manipulation);
  if (choice.kind == NatChoice::Kind::kDestination) {
    request.address = choice.to.address;
    request.port = choice.to.port;
    path.endpoint = choice.to;
  } else if (choice.kind == NatChoice::Kind::kMasquerade && may_masquerade(connection)) {
    const auto source =
        routes_.select_source(*path.out, path.view.destination, path.route.next_hop);
    if (!source) return drop(path);
    request.address = *source;
    request.random_fully = choice.random_fully;
    connection.masquerade_interface = path.out->index;
    path.masquerade = true;
  }
  bind(connection, request, {flows_->connections, path.change.erased, now_});
  permit_exhaustion(path);
  apply_nat(path);
}

// A port that is drawn may turn out to be taken, as those before it: then confirming fails.
void Traversal::permit_exhaustion(PacketPath& path) {
  const Connection& connection = path.attachment.connection;
  if (!connection.drawn_from) return;
  const double chance = exhaustion_chance(connection, flows_->connections);
  if (chance == 0) return;
  PacketPath& lost = part(path);
  lost.probability *= chance;
  path.probability *= 1 - chance;
  note(lost, [] { return std::string("dropped: no source port is free"); });
  drop(lost);
}

void Traversal::apply_nat(PacketPath& path) {
  const Attachment& attachment = path.attachment;
  const PacketView before = path.view;
  translate(path.packet, path.view, attachment.connection, attachment.direction, path.hook);
  note_translation(path, before);
  reroute(path);
}

// nf_nat_ipv4_local_fn(): what leaves for another address than its sender meant may go another way.
void Traversal::reroute(PacketPath& path) {
  if (path.hook != Hook::kOutput) return;
  const Attachment& attachment = path.attachment;
  const FlowTuple& there = attachment.connection.tuple(attachment.direction);
  const FlowTuple& back = attachment.connection.tuple(opposite(attachment.direction));
  if (there.destination == back.source) return;
  const auto route = stack_.route_output(path.view.source, path.view.destination);
  if (!route) return fail(path, route.error());
  path.route = *route;
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

void Traversal::reject(PacketPath& path) {
  path.rejected = true;
  if (!reject_answers(path.packet)) return drop(path);
  answer(path, IcmpError::port_unreachable(path.view.family));
}

void Traversal::fail(PacketPath& path, const StackFailure& failure) {
  note(path, [&] { return fmt::format("dropped: {}", to_string(failure.drop)); });
  if (!failure.answer) return drop(path);
  answer(path, *failure.answer);
}

void Traversal::answer(PacketPath& path, const IcmpError& error) {
  const Interface& in = path.in != nullptr ? *path.in : world_.loopback();
  auto packet = stack_.make_answer(path.packet, error, in);
  if (!packet) return drop(path);
  const auto view = parse_packet(*packet);
  if (!view) return drop(path);
  path.packet = std::move(*packet);
  path.view = *view;
  path.largest_fragment = 0;
  path.mark = 0;
  path.looped = false;
  path.made_by_node = true;
  attach_to_error(path.attachment);
  note(path, [&] { return "answered: " + describe_packet(path.packet); });
  send_from_node(path);
}

void Traversal::go_to(PacketPath& path, Hook hook) {
  path.hook = hook;
  path.next_function = 0;
}

void Traversal::drop(PacketPath& path) {
  finish(path, 0);
}

void Traversal::deliver(PacketPath& path) {
  emit(path, Place::sockets());
}

// Hands the path over as an outcome.
void Traversal::finish(PacketPath& path, size_t emissions) {
  path.ended = true;
  outcomes_->add();
  const size_t number = outcomes_->size() - 1;
  Outcome& outcome = outcomes_->outcome(number);
  outcome.probability = path.probability;
  outcome.emissions.resize(emissions);
  outcome.endpoint = path.endpoint;
  outcome.masquerade = path.masquerade;
  outcome.rejected = path.rejected;
  outcome.undecided = path.undecided;
  outcome.trace = std::move(path.trace);
  std::swap(outcomes_->change(number), path.change);
}

void Traversal::emit(PacketPath& path, Place place) {
  // A fragment that goes on by itself: its datagram is never whole.
  if (path.view.is_fragment) return finish(path, 0);
  finish(path, 1);
  const size_t number = outcomes_->size() - 1;
  PermittedEmission& emission = outcomes_->outcome(number).emissions[0];
  emission.place = place;
  emission.packet.assign(path.packet.begin(), path.packet.end());
  emission.free_identification = path.made_by_node;
  emission.free_dont_fragment = path.largest_fragment != 0;
  emission.free_port.reset();
  // An error about the packet quotes the port that its sender knows.
  const Attachment& attachment = path.attachment;
  if (path.made_by_node || !attachment.attached() || !attachment.connection.drawn_from) return;
  const PortRange range = *attachment.connection.drawn_from;
  if (const auto at = place_of_drawn_port(path)) {
    emission.free_port = FreePort{*at, range.first, range.last};
  }
}

void Traversal::note_translation(PacketPath& path, const PacketView& before) {
  note_change(path, "source", before.source_endpoint(), path.view.source_endpoint());
  note_change(path, "destination", before.destination_endpoint(), path.view.destination_endpoint());
}

void Traversal::note_change(PacketPath& path, std::string_view what, const SocketAddress& from,
                            const SocketAddress& to) {
  if (from == to) return;
  note(path, [&] {
    return fmt::format("nat {} {} {} -> {}", to_string(path.hook), what, from.to_string(),
                       to.to_string());
  });
}

}  // namespace kubeproof::netfilter
