#include "model/netfilter/nat_binding.h"

#include <algorithm>
#include <cmath>

namespace kubeproof::netfilter {
namespace {

bool has_drawable_port(uint8_t protocol) {
  return protocol == kTcp || protocol == kUdp || protocol == kSctp;
}

// nf_nat_l4proto_unique_tuple(): privileged ports stay privileged.
PortRange draw_range(const FlowTuple& tuple) {
  if (tuple.is_icmp()) return {0, 65535};
  if (tuple.source_port < 512) return {1, 511};
  if (tuple.source_port < 1024) return {600, 1023};
  return {1024, 65535};
}

class Binder {
 public:
  Binder(const Connection& connection, const BindingRequest& request, const Neighbours& neighbours)
      : connection_(connection),
        request_(request),
        neighbours_(neighbours),
        current_(connection.reply.inverse()),
        wanted_(current_) {}

  // Sets tuple() and says from where its source port is to be drawn, if it is.
  std::optional<PortRange> choose() {
    return request_.manipulation == Manipulation::kSource ? choose_source() : choose_destination();
  }

  const FlowTuple& current() const { return current_; }
  const FlowTuple& tuple() const { return wanted_; }

 private:
  bool used(const FlowTuple& tuple) const {
    return neighbours_.table.taken(tuple.inverse(), connection_, neighbours_.gone, neighbours_.now);
  }

  std::optional<PortRange> choose_source() {
    const bool keeps_address = current_.source == request_.address;
    if (!request_.random_fully && !keeps_address && reuse_mapping()) return std::nullopt;
    wanted_ = current_;
    wanted_.source = request_.address;
    if (!request_.random_fully && !used(wanted_)) return std::nullopt;
    if (!has_drawable_port(wanted_.protocol) && !wanted_.is_icmp()) return std::nullopt;
    const PortRange range = draw_range(wanted_);
    wanted_.source_port = 0;
    return range;
  }

  // The source that another flow from the same address and port was given already.
  bool reuse_mapping() {
    bool found = false;
    neighbours_.table.visit_same_source(current_, neighbours_.now, [&](const Connection& other) {
      const FlowTuple mapped = other.reply.inverse();
      if (mapped.source != request_.address) return false;
      wanted_.source = mapped.source;
      wanted_.source_port = mapped.source_port;
      found = !used(wanted_);
      return true;
    });
    return found;
  }

  // Unlike a source port, what a packet is for is not up to chance: DNAT's own port is taken as it
  // is, and a port without DNAT stays. Only ICMP identifiers move, to the lowest that is free.
  std::optional<PortRange> choose_destination() {
    wanted_.destination = request_.address;
    if (request_.port) {
      wanted_.destination_port = *request_.port;
      return std::nullopt;
    }
    if (!wanted_.is_icmp() || !used(wanted_)) return std::nullopt;
    constexpr uint16_t kAttempts = 128;
    for (uint16_t identifier = 0; identifier < kAttempts; ++identifier) {
      wanted_.source_port = identifier;
      if (!used(wanted_)) break;
    }
    return std::nullopt;
  }

  const Connection& connection_;
  const BindingRequest& request_;
  const Neighbours& neighbours_;
  const FlowTuple current_;
  FlowTuple wanted_;
};

// The common case, and quickly told.
bool stays_as_it_is(const Connection& connection, const BindingRequest& request,
                    const Neighbours& neighbours) {
  const FlowTuple& reply = connection.reply;
  if (request.manipulation == Manipulation::kDestination) {
    return reply.source == request.address && !request.port && !reply.is_icmp();
  }
  return reply.destination == request.address && !request.random_fully &&
         !neighbours.table.taken(reply, connection, neighbours.gone, neighbours.now);
}

}  // namespace

BindingRequest BindingRequest::null(const Connection& connection, Manipulation manipulation) {
  // From the reply, since the other half may have been translated already.
  const FlowTuple& reply = connection.reply;
  return {.manipulation = manipulation,
          .address = manipulation == Manipulation::kSource ? reply.destination : reply.source};
}

double exhaustion_chance(const Connection& connection, const ConnectionTable& table) {
  constexpr double kTries = 248;
  const PortRange range = *connection.drawn_from;
  const double size = range.last - range.first + 1;
  const double taken = std::min(size, static_cast<double>(table.sharing_replies(connection.reply)));
  return taken * 2 < size ? 0 : std::pow(taken / size, kTries);
}

std::optional<ConnectionTable::Id> early_reuse(const Connection& connection,
                                               const ConnectionTable& table, Instant now) {
  // Of a row of 128 tries, the last 32 look harder.
  constexpr size_t kTriesBefore = 96;
  if (connection.original.protocol != kTcp || connection.tcp.phase != TcpPhase::kSynSent ||
      table.sharing_replies(connection.reply) < kTriesBefore) {
    return std::nullopt;
  }
  const auto found = table.find(connection.reply, now);
  if (!found || found->direction != Direction::kReply) return std::nullopt;
  const Connection& old = table[found->id];
  const auto advance = static_cast<int32_t>(connection.tcp.sides[0].end - old.tcp.sides[0].end);
  if (!old.source_nat || old.tcp.phase < TcpPhase::kTimeWait || advance <= 0) return std::nullopt;
  return found->id;
}

void bind(Connection& connection, const BindingRequest& request, const Neighbours& neighbours) {
  const bool is_source = request.manipulation == Manipulation::kSource;
  (is_source ? connection.source_nat_done : connection.destination_nat_done) = true;
  if (is_source) connection.drawn_from.reset();
  if (stays_as_it_is(connection, request, neighbours)) return;
  Binder binder(connection, request, neighbours);
  const auto drawn_from = binder.choose();
  if (is_source) connection.drawn_from = drawn_from;
  if (binder.tuple() == binder.current()) return;
  connection.reply = binder.tuple().inverse();
  (is_source ? connection.source_nat : connection.destination_nat) = true;
}

}  // namespace kubeproof::netfilter
