// The BPF object in the kernel: the generated skeleton, isolated here. Maps that the kernel refuses
// to make and programs that the verifier refuses are errors with the kernel's own words.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "datapath/control/bpf_map.h"
#include "model/result.h"

struct datapath_bpf;

namespace kubeproof::control {

struct ObjectSizes {
  uint32_t frontends;
  uint32_t backends;
  uint32_t flows;
  uint32_t affinities;
  uint32_t trace_bytes;
};

class LoadedObject {
 public:
  // The verifier takes its time over the program at XDP too, where that is asked for.
  static Result<LoadedObject> load(const ObjectSizes& sizes,
                                   const std::optional<std::filesystem::path>& object_file,
                                   bool with_xdp);

  // Maps, programs and the variables of the seams.
  datapath_bpf& operator*() const { return *object_; }
  datapath_bpf* operator->() const { return object_.get(); }

 private:
  struct Destroy {
    void operator()(datapath_bpf* object) const;
  };
  explicit LoadedObject(datapath_bpf* object) : object_(object) {}

  std::unique_ptr<datapath_bpf, Destroy> object_;
};

}  // namespace kubeproof::control
