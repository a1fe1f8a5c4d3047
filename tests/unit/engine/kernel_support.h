// Tests that need root and the kernel's network namespaces skip themselves, with the reason, where
// these are missing.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <utility>

#include "replay/engine/private_namespace.h"

namespace kubeproof {

class KernelTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto space = PrivateNamespace::create();
    if (!space) GTEST_SKIP() << space.error().message;
    space_.emplace(std::move(*space));
  }

  std::optional<PrivateNamespace> space_;
};

}  // namespace kubeproof
