#include "replay/explore/case_recorder.h"

#include <utility>

#include "replay/explore/cluster_json.h"

namespace kubeproof::explore {

CaseRecorder::CaseRecorder(const Scenario& scenario) {
  recorded_.snapshot.node = scenario.node;
  recorded_.snapshot.proxy = scenario.proxy;
  recorded_.world = scenario.world;
}

void CaseRecorder::program(const Cluster& cluster) {
  Objects objects = objects_of(cluster);
  if (!begun_) {
    begun_ = true;
    recorded_.snapshot.objects = objects;
    programmed_ = std::move(objects);
    return;
  }
  DeleteStep gone;
  for (const auto& [id, text] : programmed_.json) {
    if (!objects.json.contains(id)) gone.objects.push_back(id);
  }
  // Whole, so that what was replaced is seen to stay too.
  recorded_.steps.emplace_back(ApplyStep{objects});
  if (!gone.objects.empty()) recorded_.steps.emplace_back(std::move(gone));
  programmed_ = std::move(objects);
}

void CaseRecorder::advance(std::chrono::seconds duration) {
  recorded_.steps.emplace_back(kubeproof::AdvanceStep{duration});
}

void CaseRecorder::packet(const Injection& injection) {
  recorded_.steps.emplace_back(kubeproof::PacketStep{
      injection.ingress, Bytes(injection.packet.begin(), injection.packet.end()), injection.mark});
}

Case CaseRecorder::finish(std::string name, std::string description) const {
  Case result = recorded_;
  result.name = std::move(name);
  result.description = std::move(description);
  return result;
}

}  // namespace kubeproof::explore
