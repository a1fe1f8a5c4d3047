#include "model/netfilter/state.h"

#include <utility>

namespace kubeproof::netfilter {

void StateChange::clear() {
  recent.clear();
  fragments.reset();
  erased.reset();
  kind = Kind::kNone;
}

void StateChange::take(StateChange& from) {
  recent.swap(from.recent);
  fragments = std::move(from.fragments);
  erased = from.erased;
  kind = from.kind;
  id = from.id;
  if (kind != Kind::kNone) connection = from.connection;
}

bool StateChange::same_flows(const StateChange& other) const {
  if (kind != other.kind || erased != other.erased || fragments != other.fragments) return false;
  if (kind == Kind::kNone) return true;
  return (kind != Kind::kUpdate || id == other.id) && connection == other.connection;
}

void StateChange::apply(FlowState& to, std::optional<uint16_t> drawn_port, Instant now) const {
  if (fragments && fragments->queue) {
    to.fragments.put(fragments->key, *fragments->queue, now);
  } else if (fragments) {
    to.fragments.erase(fragments->key);
  }
  if (erased) to.connections.erase(*erased);
  if (kind == Kind::kNone) return;
  const auto store = [&](const Connection& known) {
    if (kind == Kind::kUpdate) {
      to.connections.update(id, known);
    } else {
      to.connections.insert(known, now);
    }
  };
  if (connection.drawn_from && drawn_port) return store(connection.with_drawn_port(*drawn_port));
  store(connection);
}

void StateChange::apply(RecentLists& to) const {
  for (const RecentChange& change : recent) change.apply(to.change(change.list));
}

void StateChange::apply(State& to, std::optional<uint16_t> drawn_port, Instant now) const {
  apply(to.recent);
  apply(to.flows, drawn_port, now);
}

}  // namespace kubeproof::netfilter
