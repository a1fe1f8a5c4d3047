// Ingresses as people write them: `uplink`, `host`, `pod:ADDRESS`, an interface's name.
#pragma once

#include <string>
#include <string_view>

#include "model/node/world.h"
#include "model/result.h"

namespace kubeproof {

Result<Ingress> parse_ingress(std::string_view text, const World& world);

// What parse_ingress() reads as this ingress, in a world that may number its interfaces otherwise.
std::string ingress_text(Ingress ingress, const World& world);

}  // namespace kubeproof
