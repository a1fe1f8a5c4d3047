#include "model/node/fate.h"

namespace kubeproof {

void Fate::clear() {
  count_ = 0;
  trace.clear();
}

Emission& Fate::add_emission(Place place, ByteView packet) {
  if (count_ == emissions_.size()) emissions_.emplace_back();
  Emission& emission = emissions_[count_++];
  emission.place = place;
  emission.packet.assign(packet.begin(), packet.end());
  return emission;
}

}  // namespace kubeproof
