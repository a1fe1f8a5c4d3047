// Which family a table's rules are of. The text does not say so but in a comment of the tools; the
// words of the rules do, where one of them is of one family only.
#pragma once

#include <optional>

#include "model/packet/address.h"
#include "model/result.h"

namespace kubeproof::netfilter {

class FamilyClue {
 public:
  FamilyClue() = default;
  explicit FamilyClue(std::optional<Family> known) : family_(known) {}

  // Something of this family stands in a rule.
  Result<void> note(Family family) {
    if (family_ && *family_ != family) {
      return bad_input("expected {}, found {}, in one table", kubeproof::to_string(*family_),
                       kubeproof::to_string(family));
    }
    family_ = family;
    return {};
  }
  std::optional<Family> family() const { return family_; }

 private:
  std::optional<Family> family_;
};

}  // namespace kubeproof::netfilter
