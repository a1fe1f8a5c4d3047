#include "replay/explore/player.h"

#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/sctp_chunk.h"
#include "replay/explore/address_plan.h"
#include "replay/explore/cut_fragments.h"
#include "replay/explore/shape_packet.h"

namespace kubeproof::explore {
namespace {

constexpr uint32_t kClientStart = 1000;
constexpr uint32_t kServerStart = 500000;  // SCTP: the two are verification tags
constexpr size_t kRestOfError = 1024;      // bytes of each fragment behind the first
constexpr uint8_t kFin = 0x01;
constexpr uint8_t kSyn = 0x02;
constexpr uint8_t kAck = 0x10;
// MSS 1460, SACK permitted, window scale 7.
constexpr uint8_t kSynOptions[] = {2, 4, 0x05, 0xb4, 4, 2, 1, 3, 3, 7};

Actor other(Actor actor) {
  return actor == Actor::kClient ? Actor::kServer : Actor::kClient;
}

// The node's kernel does not send from no address at all (raw_send_hdrinc()), and a process that
// was sent to as one of many answers as itself.
bool cannot_be_sent(Ingress ingress, const IpAddress& from) {
  const bool of_many = from.is_multicast() || from.is_limited_broadcast();
  return ingress.is_host() && (from.is_unspecified() || of_many);
}

}  // namespace

Player::Player(const Scenario& scenario, Stage& stage)
    : scenario_(scenario), stage_(stage), flows_(scenario.flows.size()) {
  for (Flow& flow : flows_) {
    flow.client.next_sequence = kClientStart;
    flow.server.next_sequence = kServerStart;
  }
}

bool Player::play() {
  if (!stage_.program(scenario_.clusters.front())) return false;
  for (size_t i = 0; i < scenario_.steps.size(); ++i) {
    stage_.step(i);
    if (!std::visit([&](const auto& step) { return play_step(step); }, scenario_.steps[i])) {
      return false;
    }
  }
  return true;
}

bool Player::play_step(const AdvanceStep& step) {
  return stage_.advance(step.duration);
}

bool Player::play_step(const ChangeStep& step) {
  return stage_.program(scenario_.clusters[step.cluster]);
}

// The server answers from where the client's last packet arrived; one that never saw a packet sends
// as if there were no node in between.
Player::Path Player::path(const PacketStep& step) {
  const FlowPlan& plan = scenario_.flows[step.flow];
  if (step.actor == Actor::kClient) return {plan.ingress, plan.from, plan.to};
  const Side& client = flows_[step.flow].client;
  if (const auto view = parse_packet(client.arrived)) {
    return {Ingress{client.arrived_at.interface}, view->destination_endpoint(),
            view->source_endpoint()};
  }
  return {scenario_.world.ingress_for_source(plan.to.address), plan.to, plan.from};
}

PacketBuilder Player::builder(const PacketStep& step, const Path& path, Flow& flow) const {
  Side& sender = flow.side(step.actor);
  const Side& receiver = flow.side(other(step.actor));
  switch (scenario_.flows[step.flow].protocol) {
    case kTcp: {
      PacketBuilder tcp = PacketBuilder::tcp(path.from, path.to);
      tcp.seq(sender.next_sequence + static_cast<uint32_t>(step.sequence_offset));
      if ((step.tcp_flags & kAck) != 0) tcp.ack(receiver.next_sequence);
      if ((step.tcp_flags & kSyn) != 0) tcp.tcp_options(kSynOptions);
      tcp.flags(step.tcp_flags);
      tcp.payload_size((step.tcp_flags & kSyn) != 0 ? 0 : step.shape.payload);
      return tcp;
    }
    case kSctp: {
      const uint32_t tag = step.sctp_chunk == kSctpInit ? 0 : receiver.next_sequence;
      return PacketBuilder::sctp(path.from, path.to)
          .seq(tag + static_cast<uint32_t>(step.sequence_offset))
          .payload(sctp_chunk(step.sctp_chunk, sender.next_sequence, step.shape.payload));
    }
    case kIcmp:
    case kIcmpv6: {
      const uint16_t identifier = step.actor == Actor::kClient ? path.from.port : path.to.port;
      const bool is_v4 = path.from.address.is_v4();
      const uint8_t query = scenario_.flows[step.flow].query;
      const uint8_t request = query != 0 ? query : is_v4 ? 8 : 128;
      // All others of IPv4, and all of IPv6, are numbered so.
      const uint8_t reply = is_v4 && query == 0 ? 0 : static_cast<uint8_t>(request + 1);
      return PacketBuilder::icmp(path.from.address, path.to.address,
                                 step.actor == Actor::kClient ? request : reply, 0,
                                 uint32_t{identifier} << 16 | 1)
          .payload_size(step.shape.payload);
    }
    default:
      return PacketBuilder::udp(path.from, path.to).payload_size(step.shape.payload);
  }
}

bool Player::play_step(const PacketStep& planned) {
  PacketStep step = planned;
  Flow& flow = flows_[step.flow];
  Side& sender = flow.side(step.actor);
  if (step.repeated && !sender.sent.empty()) {
    const Bytes again = sender.sent;
    return send(step, again, sender.sent_from);
  }
  const Path path = this->path(step);
  if (cannot_be_sent(path.ingress, path.from.address)) {
    return true;
  }
  if (path.ingress.is_host()) fit_to_socket(path.to.address.family(), step.shape);
  // What is left of a datagram in the kernel's queues ages in real time only.
  if (step.shape.fragment_size != 0) step.shape.identification = ++datagrams_;
  PacketBuilder builder = this->builder(step, path, flow);
  apply(step.shape, path.to.address.family(), builder);
  if (scenario_.flows[step.flow].protocol == kTcp) {
    const bool is_syn = (step.tcp_flags & kSyn) != 0;
    sender.next_sequence +=
        (is_syn ? 1U : step.shape.payload) + ((step.tcp_flags & kFin) != 0 ? 1U : 0U);
  }
  sender.sent = builder.build();
  cut(step.shape, sender.sent);
  sender.sent_from = path.ingress;
  if (step.shape.fragment_size == 0) spoil_bytes(step.shape.damage, path.ingress, sender.sent);
  if (step.shape.fragment_size == 0) {
    const Bytes packet = sender.sent;
    return send(step, packet, path.ingress);
  }
  const uint16_t first = step.shape.first_share;
  auto fragments = first == 0 ? builder.build_fragments(step.shape.fragment_size)
                              : cut_into_fragments(builder.build(), first, step.shape.fragment_size,
                                                   step.shape.identification);
  if (step.shape.fragments_reversed) std::reverse(fragments.begin(), fragments.end());
  spoil(step.shape, fragments);
  if (const auto& changes = step.shape.damage.changes; !changes.empty()) {
    Bytes& one = fragments[changes.front() % fragments.size()];
    spoil_bytes(step.shape.damage, path.ingress, one);
  }
  return std::all_of(fragments.begin(), fragments.end(),
                     [&](const Bytes& fragment) { return send(step, fragment, path.ingress); });
}

// A fragment that was none before begins a datagram of its own.
void Player::spoil_bytes(const Damage& how, Ingress ingress, Bytes& packet) {
  if (how.changes.empty()) return;
  if (ingress.is_host()) {
    damage_payload(how, packet);
  } else {
    damage(how, packet);
  }
  const auto view = parse_packet(packet);
  if (!view || (!view->is_fragment && view->fragment_header_offset == 0)) return;
  if (view->family == Family::kIpv6) {
    store32(packet, view->fragment_header_offset + size_t{4}, ++datagrams_);
    return;
  }
  const uint16_t old = load16(packet, 4);
  store16(packet, 4, ++datagrams_);
  store16(packet, 10, update_checksum(load16(packet, 10), old, load16(packet, 4)));
}

bool Player::send(const PacketStep& step, const Bytes& packet, Ingress ingress) {
  const uint32_t mark = step.actor == Actor::kClient ? scenario_.flows[step.flow].mark : 0;
  if (!stage_.packet({ingress, packet, mark}, fate_)) return false;
  learn(step);
  return true;
}

void Player::learn(const PacketStep& step) {
  Side& sender = flows_[step.flow].side(step.actor);
  for (const Emission& emission : fate_) {
    const auto view = parse_packet(emission.packet);
    if (!view || view->protocol != scenario_.flows[step.flow].protocol || !view->has_ports)
      continue;
    sender.arrived = emission.packet;
    sender.arrived_at = emission.place;
    return;
  }
}

bool Player::play_step(const ErrorStep& step) {
  const Side& sender = flows_[step.flow].side(step.about);
  const auto view = parse_packet(sender.arrived);
  if (!view) return true;
  const AddressPlan& plan = address_plan(view->family);
  const bool at_sockets = sender.arrived_at.is_sockets();
  const IpAddress from = step.from_router && !at_sockets ? plan.outside[1] : view->destination;
  const Ingress ingress{sender.arrived_at.interface};
  if (cannot_be_sent(ingress, from)) return true;
  const size_t quoted = std::min<size_t>(step.quoted, sender.arrived.size());
  PacketBuilder error = PacketBuilder::icmp(from, view->source, step.type, step.code, step.info);
  error.payload(ByteView(sender.arrived).first(quoted));
  Bytes packet = error.build();
  spoil_bytes(step.damage, ingress, packet);
  if (step.first_share == 0 || ingress.is_host()) return stage_.packet({ingress, packet, 0}, fate_);
  const auto fragments = cut_into_fragments(packet, step.first_share, kRestOfError, ++datagrams_);
  return std::all_of(fragments.begin(), fragments.end(), [&](const Bytes& fragment) {
    return stage_.packet({ingress, fragment, 0}, fate_);
  });
}

}  // namespace kubeproof::explore
