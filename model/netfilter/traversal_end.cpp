// How a packet's journey ends: it leaves, is delivered or dropped, or turns into the node's error
// about it, which begins a journey of its own.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/netfilter/traversal.h"

namespace kubeproof::netfilter {
namespace {

// Where an emission shows the source port that was chosen for its connection: as its own, or in an
// error on its way to the server as that which the quoted answer was for. One on its way to the
// client quotes the port that the client knows.
std::optional<uint16_t> place_of_drawn_port(const PacketPath& path) {
  const PacketView& view = path.view;
  if (!is_icmp_error(view)) {
    return static_cast<uint16_t>(view.transport_offset + (view.has_icmp ? 4 : 0));
  }
  if (path.attachment.direction == Direction::kReply) return std::nullopt;
  const size_t quote = view.transport_offset + kIcmpHeaderSize;
  const auto quoted = parse_quoted_packet(ByteView(path.packet).subspan(quote), view.family);
  if (!quoted || !quoted->has_ports) return std::nullopt;
  return static_cast<uint16_t>(quote + quoted->transport_offset + (quoted->has_icmp ? 4 : 2));
}

}  // namespace

void Traversal::reject(PacketPath& path) {
  path.rejected = true;
  // Fragments that loop are not put together again where they have a connection already
  // (ipv6_defrag()), and those of IPv6 not for INPUT either.
  if (path.looped && path.first_piece) {
    path.packet = path.first_piece->of(path.packet);
    path.cut_identification = path.first_piece->header_size + 4;
    const auto piece = parse_packet(path.packet);
    if (!piece) return drop(path);
    path.view = *piece;
  }
  // What loops has its connection already, and is not verified as it comes in again.
  if (!reject_answers(path.packet, path.looped)) return drop(path);
  answer(path, IcmpError::port_unreachable(path.view.family));
}

void Traversal::fail(PacketPath& path, const StackFailure& failure) {
  note(path, [&] { return fmt::format("dropped: {}", to_string(failure.drop)); });
  if (!failure.answer) return drop(path);
  answer(path, *failure.answer);
}

void Traversal::answer(PacketPath& path, const IcmpError& error) {
  const Interface& in = path.in != nullptr ? *path.in : world_.loopback();
  auto answer = stack_.make_answer(path.packet, path.options, error, in);
  if (!answer) return drop(path);
  const auto view = parse_packet(answer->packet);
  if (!view) return drop(path);
  path.packet = std::move(answer->packet);
  path.view = *view;
  for (ClockField& quoted : path.clocks) {
    quoted.packet_offset += static_cast<uint16_t>(view->transport_offset + kIcmpHeaderSize);
  }
  if (path.cut_identification) {
    *path.cut_identification += static_cast<uint16_t>(view->transport_offset + kIcmpHeaderSize);
  }
  for (const uint16_t clock : answer->clocks_at) {
    path.clocks.push_back({.packet_offset = clock, .in_header_checksum = true});
  }
  path.largest_fragment = 0;
  path.first_piece.reset();
  path.options = {};
  path.mark = 0;
  path.looped = false;
  path.made_by_node = true;
  attach_to_error(path.attachment);
  note(path, [&] { return "answered: " + describe_packet(path.packet); });
  leave_node(path, answer->route);
}

void Traversal::drop(PacketPath& path) {
  finish(path, 0);
}

void Traversal::deliver(PacketPath& path) {
  emit(path, Place::sockets());
}

Outcome& Traversal::finish(PacketPath& path, size_t emissions) {
  path.ended = true;
  outcomes_->add();
  const size_t number = outcomes_->size() - 1;
  Outcome& outcome = outcomes_->outcome(number);
  outcome.probability = path.probability;
  outcome.emissions.resize(path.left.size() + emissions);
  std::copy(path.left.begin(), path.left.end(), outcome.emissions.begin());
  outcome.endpoint = path.endpoint;
  outcome.masquerade = path.masquerade;
  outcome.rejected = path.rejected;
  outcome.undecided = path.undecided;
  outcome.trace = std::move(path.trace);
  outcomes_->change(number).take(path.change);
  return outcome;
}

void Traversal::emit(PacketPath& path, Place place) {
  // A fragment that goes on by itself: its datagram is never whole. But one that stood behind
  // another fragment header, which was taken off, who receives it may put together.
  if (path.view.is_fragment) {
    path.undecided |= path.largest_fragment != 0;
    finish(path, 0);
  } else {
    fill_emission(path, place, finish(path, 1).emissions.back());
  }
}

void Traversal::fill_emission(const PacketPath& path, Place place, PermittedEmission& emission) {
  emission.place = place;
  emission.packet.assign(path.packet.begin(), path.packet.end());
  emission.free_identification = path.made_by_node;
  emission.free_quoted_identification = path.cut_identification;
  emission.free_dont_fragment = path.largest_fragment != 0;
  emission.clocks = path.clocks;
  emission.free_port.reset();
  const Attachment& attachment = path.attachment;
  if (!attachment.attached() || !attachment.connection.drawn_from) return;
  const PortRange range = *attachment.connection.drawn_from;
  if (const auto at = place_of_drawn_port(path)) {
    emission.free_port = FreePort{*at, range.first, range.last};
  }
}

}  // namespace kubeproof::netfilter
