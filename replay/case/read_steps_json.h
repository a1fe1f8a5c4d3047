// The timeline of a case. Ingresses can be looked up only in the world, which is made when every
// step was read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "model/cluster/document_json.h"
#include "model/cluster/field_json.h"
#include "replay/case/case.h"

namespace kubeproof {

class StepsReader {
 public:
  // Both must outlive the reader. `resolve_file` tells where a file is that the case names.
  StepsReader(const JsonDocument& document,
              std::function<std::string(const std::string&)> resolve_file)
      : document_(document), resolve_file_(std::move(resolve_file)) {}

  // Throws FieldFailure; what the readers of objects say comes as an error.
  Result<void> read(const JsonField& steps);

  // Sources of packets, which may be pods.
  const std::vector<IpAddress>& sources() const { return sources_; }
  std::vector<Step>& steps() { return steps_; }

  // Gives every step its ingress, and the interfaces that are named otherwise. Throws FieldFailure.
  void look_up_ingresses(const World& world);

 private:
  Result<Step> read_step(const JsonField& field);
  FlowStep read_flow(const JsonField& field);
  PacketStep read_packet(const JsonField& field);
  CapturedStep read_captured(const JsonField& field);
  CaptureStep read_capture(const JsonField& field);
  Result<Step> read_delete(const JsonField& field);
  void note_source(const IpAddress& source, const JsonField& ingress);

  // Where the packets of a step come from, until the world is known.
  struct Origin {
    size_t step;
    IpAddress source;
    JsonField ingress;
  };

  // The same of a departure's interface.
  struct Departure {
    size_t step;
    size_t departure;
    JsonField interface;
  };

  const JsonDocument& document_;
  std::function<std::string(const std::string&)> resolve_file_;
  std::vector<Step> steps_;
  std::vector<Origin> origins_;
  std::vector<Departure> departures_;
  std::vector<IpAddress> sources_;
};

}  // namespace kubeproof
