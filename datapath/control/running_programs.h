// Programs that run beside control may hold what they read before control changed it.
#pragma once

#include <chrono>

namespace kubeproof::control {

// No run of a program takes as long.
inline constexpr std::chrono::seconds kProgramsAreOver(1);

// Returns once every run of a program that had begun before the call is over.
void wait_for_running_programs();

}  // namespace kubeproof::control
