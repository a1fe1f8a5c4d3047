#include "replay/engine/installed_rules.h"

#include <utility>

#include "model/proxier/make_rules.h"

namespace kubeproof {

Result<std::shared_ptr<const netfilter::Ruleset>> installed_rules(const Configuration& of,
                                                                  Family family) {
  if (const auto own = of.rules.find(family); own != of.rules.end()) return own->second;
  auto made = make_rules(family, of.world, of.cluster, of.proxy);
  if (!made) return tl::unexpected(made.error());
  return std::make_shared<const netfilter::Ruleset>(*std::move(made));
}

}  // namespace kubeproof
