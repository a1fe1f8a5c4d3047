// Cases as files that read_case() reads: what `replay --write` leaves of a divergence, and what a
// fuzzer saves of a failure. Objects are written word for word as they were read.
#pragma once

#include <string>

#include "model/result.h"
#include "replay/case/case.h"

namespace kubeproof {

// JSON, in the order of the documented format. Captures are named as seen from `folder`.
std::string case_text(const Case& written, const std::string& folder);

// The file's folder must be there.
Result<void> write_case(const Case& written, const std::string& path);

}  // namespace kubeproof
