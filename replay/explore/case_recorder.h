// Keeps what a scenario was when it was played as a case: its packets as bytes, in the order in
// which they went in. Random choices of whoever is played through are not part of it, so that a
// case in which several endpoints or drawn ports matter may take another course.
#pragma once

#include <string>

#include "replay/case/case.h"
#include "replay/explore/scenario.h"

namespace kubeproof::explore {

class CaseRecorder {
 public:
  explicit CaseRecorder(const Scenario& scenario);

  void program(const Cluster& cluster);
  void advance(std::chrono::seconds duration);
  void packet(const Injection& injection);

  Case finish(std::string name, std::string description) const;

 private:
  Case recorded_;
  Objects programmed_;
  bool begun_ = false;
};

}  // namespace kubeproof::explore
