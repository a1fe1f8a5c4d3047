// Which engines a command runs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/result.h"
#include "replay/engine/ebpf_engine.h"
#include "replay/session/session.h"

namespace CLI {
class App;
}

namespace kubeproof {

class EngineOptions {
 public:
  void add_to(CLI::App& command);
  // BPF programs in place of the built-in ones.
  void set_bpf_object(std::string file) { bpf_object_ = std::move(file); }

  // The engines that were asked for, or all that this machine can run in-process; fresh ones with
  // every call. A name that no engine has is bad input.
  Result<std::vector<EngineChoice>> make() const;
  // That one alone, with the other options as given.
  Result<std::vector<EngineChoice>> make_one(const std::string& name) const;
  // The options that make_one() follows, as they are typed.
  std::string arguments_for(const std::string& name) const;

 private:
  Result<std::unique_ptr<Engine>> make_ebpf(std::optional<EbpfEngines>& engines, bool xdp) const;
  Result<std::unique_ptr<Engine>> make_engine(std::string_view name) const;
  Result<std::vector<EngineChoice>> make_all(const std::vector<std::string>& names,
                                             bool by_name) const;

  std::vector<std::string> names_;
  std::optional<std::string> bpf_object_;
  // Once the first is asked for.
  mutable std::optional<EbpfEngines> ebpf_tc_;
  mutable std::optional<EbpfEngines> ebpf_xdp_;
};

// One reference for each engine.
std::unique_ptr<Oracle> make_oracle();

}  // namespace kubeproof
