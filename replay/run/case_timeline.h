// The timeline of a case, step by step, through a session that was started with the case's
// configuration.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/result.h"
#include "replay/case/case.h"
#include "replay/report/case_report.h"
#include "replay/run/flow_check.h"
#include "replay/session/session.h"

namespace kubeproof {

class CaseTimeline {
 public:
  // All outlive the timeline. What is found goes into `report`.
  CaseTimeline(const Case& one, Session& session, CaseReport& report);

  // Fails where the case itself is wrong: an object to delete that is not there.
  Result<void> run();

 private:
  Result<void> take(const FlowStep& step);
  Result<void> take(const CaptureStep& step);
  Result<void> take(const PacketStep& step);
  Result<void> take(const CapturedStep& step);
  Result<void> take(const AdvanceStep& step);
  Result<void> take(const ApplyStep& step);
  Result<void> take(const DeleteStep& step);

  uint16_t next_port();

  const Case& case_;
  Session& session_;
  CaseReport& report_;
  Objects objects_;
  PacketSource source_;
  uint16_t port_;
  // Of the step that is being taken.
  StepReport told_;
};

// "flow from 10.180.0.9 to 10.96.0.10:80, TCP".
std::string describe(const Step& step, const World& world);

}  // namespace kubeproof
