// Explaining every packet of a long capture would cost more than comparing it. So captures are
// replayed without; where engines diverged, a second replay asks them for their reasons, at those
// packets alone.
#pragma once

#include "model/result.h"
#include "replay/report/report.h"
#include "replay/session/replay_captures.h"
#include "replay/session/session.h"

namespace kubeproof {

// Whether there is anything to explain.
bool needs_explanation(const Report& report);

// `session` is like the one that the report is about, but fresh. Fills in the decisions of the
// first divergences of each engine; what does not diverge again stays without.
Result<void> explain_divergences(Session& session, const CaptureReplay& replay, Report& report);

}  // namespace kubeproof
