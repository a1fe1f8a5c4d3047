// A run of a program that takes a quarter of a second, as any may where its processor is taken from
// the node in the middle of it.
#pragma once

#include <memory>
#include <thread>

#include "model/result.h"

struct slow_bpf;

namespace kubeproof::attached {

class SlowRun {
 public:
  static Result<SlowRun> load();
  SlowRun(SlowRun&&) = default;
  SlowRun& operator=(SlowRun&&) = delete;
  ~SlowRun();

  // Returns when it is under way. It is begun once.
  void begin();
  bool is_over() const;

 private:
  struct Destroy {
    void operator()(slow_bpf* object) const;
  };

  explicit SlowRun(slow_bpf* object) : object_(object) {}

  std::unique_ptr<slow_bpf, Destroy> object_;
  std::thread thread_;
};

}  // namespace kubeproof::attached
