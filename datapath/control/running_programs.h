// Programs that run beside control may hold what they read before control changed it.
#pragma once

#include "model/result.h"

namespace kubeproof::control {

// Returns once every run of a program that had begun before the call is over.
Result<void> wait_for_running_programs();

}  // namespace kubeproof::control
