// What is expensive to set up for a number of services, kept from one benchmark to the next as long
// as the number stays the same: google-benchmark calls each function several times.
#pragma once

#include <cstddef>
#include <memory>

#include "model/result.h"

namespace kubeproof {

// Set needs a static Result<std::unique_ptr<Set>> create(size_t services).
template <class Set>
class LastUsed {
 public:
  Result<Set*> at(size_t services) {
    if (!set_ || services_ != services) {
      set_.reset();
      auto made = Set::create(services);
      if (!made) return tl::unexpected(made.error());
      set_ = std::move(*made);
      services_ = services;
    }
    return set_.get();
  }

 private:
  size_t services_ = 0;
  std::unique_ptr<Set> set_;
};

}  // namespace kubeproof
