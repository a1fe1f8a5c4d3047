#include "model/netfilter/state.h"

namespace kubeproof::netfilter {

void StateChange::clear() {
  recent.clear();
  fragments.reset();
  erased.reset();
  kind = Kind::kNone;
}

void StateChange::apply(State& to, std::optional<uint16_t> drawn_port, Instant now) const {
  for (const RecentChange& change : recent) change.apply(to.recent.change(change.list));
  if (fragments && fragments->queue) {
    to.fragments.put(fragments->key, *fragments->queue, now);
  } else if (fragments) {
    to.fragments.erase(fragments->key);
  }
  if (erased) to.connections.erase(*erased);
  if (kind == Kind::kNone) return;
  const bool drawn = connection.drawn_from && drawn_port;
  const Connection& known = drawn ? connection.with_drawn_port(*drawn_port) : connection;
  if (kind == Kind::kUpdate) {
    to.connections.update(id, known);
  } else {
    to.connections.insert(known, now);
  }
}

}  // namespace kubeproof::netfilter
