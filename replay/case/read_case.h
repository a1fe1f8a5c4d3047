// Case files, JSON or YAML. Unknown fields are errors that name the field; Kubernetes objects may
// have any. What can be wrong with a case is found here, before anything of it runs: its captures
// are opened, its ingresses looked up.
#pragma once

#include <string>

#include "model/result.h"
#include "replay/case/case.h"

namespace kubeproof {

// "-" is standard input. Files that the case names are relative to its own folder.
Result<Case> read_case(const std::string& file);

// Whether the file says of itself that it is a case; it may still be one that is wrong. An error
// where it is neither JSON nor YAML.
Result<bool> is_case(const std::string& file);

}  // namespace kubeproof
