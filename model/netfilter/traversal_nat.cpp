// NAT at its hooks (net/netfilter/nf_nat_core.c nf_nat_inet_fn()): the rules of table nat decide
// for a connection's first packet, and what they came to is done to all of its packets.
#include <fmt/format.h>

#include "model/netfilter/nat_binding.h"
#include "model/netfilter/nat_rewrite.h"
#include "model/netfilter/traversal.h"

namespace kubeproof::netfilter {
namespace {

// nf_nat_masquerade_ipv4() leaves a host alone that has no address yet; its brother of IPv6 does
// not.
bool may_masquerade(const Connection& connection) {
  const IpAddress& source = connection.original.source;
  return !source.is_v4() || !source.is_unspecified();
}

}  // namespace

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
  const auto route = stack_.route_again(path.view.source, path.view.destination, path.route.out);
  if (!route) return fail(path, route.error());
  path.route = *route;
}

void Traversal::note_translation(PacketPath& path, const PacketView& before) {
  if (!options.explain) return;
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
