#include "tools/kubeproof/engine_options.h"

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <memory>

#include "replay/engine/engine_probe.h"
#include "replay/engine/netfilter_engine.h"
#include "replay/engine/reference_engine.h"

namespace kubeproof {
namespace {

// Fixed, so that a run that diverges diverges again.
constexpr uint64_t kSeed = 1;

constexpr std::array<std::string_view, 4> kNames = {"netfilter", "ebpf-tc", "ebpf-xdp",
                                                    "reference"};
// The reference agrees with itself; it runs where it is asked for.
const std::vector<std::string> kDefault = {"netfilter", "ebpf-tc", "ebpf-xdp"};
// Where it cannot run, nothing is shown of the datapath, and that is what one wants to know.
constexpr std::string_view kIndispensable = "ebpf-tc";
// Of engines that run the datapath.
constexpr std::string_view kDatapath = "ebpf-";

Result<std::unique_ptr<Engine>> make_netfilter() {
  const EngineProbe probe = probe_netfilter();
  if (!probe.available()) return environment_error("{}", fmt::join(probe.missing, "; "));
  auto variant = choose_iptables_variant();
  if (!variant) return tl::unexpected(variant.error());
  return std::make_unique<NetfilterEngine>(*variant);
}

}  // namespace

void EngineOptions::add_to(CLI::App& command) {
  constexpr const char* kGroup = "Engines";
  command
      .add_option("--engine", names_,
                  fmt::format("Which engines to run: {} (default: all that can run here)",
                              fmt::join(kNames, ", ")))
      ->type_name("NAME[,NAME…]")
      ->delimiter(',')
      ->group(kGroup);
  command.add_option("--bpf-object", bpf_object_, "BPF programs in place of the built-in ones")
      ->type_name("FILE")
      ->group(kGroup);
}

Result<std::unique_ptr<Engine>> EngineOptions::make_ebpf(std::optional<EbpfEngines>& engines,
                                                         bool xdp) const {
  if (!engines) {
    EbpfOptions options;
    if (bpf_object_) options.object_file = *bpf_object_;
    options.seed = kSeed;
    options.xdp = xdp;
    engines.emplace(std::move(options));
  }
  return engines->make();
}

Result<std::unique_ptr<Engine>> EngineOptions::make_engine(std::string_view name) const {
  if (name == "netfilter") return make_netfilter();
  if (name == "ebpf-tc") return make_ebpf(ebpf_tc_, false);
  if (name == "ebpf-xdp") return make_ebpf(ebpf_xdp_, true);
  return std::make_unique<ReferenceEngine>(make_oracle(), kSeed);
}

Result<std::vector<EngineChoice>> EngineOptions::make() const {
  if (!names_.empty()) return make_all(names_, true);
  return make_all(kDefault, false);
}

Result<std::vector<EngineChoice>> EngineOptions::make_one(const std::string& name) const {
  return make_all({name}, true);
}

std::string EngineOptions::arguments_for(const std::string& name) const {
  std::string arguments = "--engine " + name;
  if (bpf_object_ && name.starts_with("ebpf-")) arguments += " --bpf-object " + *bpf_object_;
  return arguments;
}

Result<std::vector<EngineChoice>> EngineOptions::make_all(const std::vector<std::string>& names,
                                                          bool by_name) const {
  std::vector<EngineChoice> choices;
  for (const std::string& name : names) {
    if (std::find(kNames.begin(), kNames.end(), name) == kNames.end()) {
      return bad_input("--engine: no engine is called '{}'; there are {}", name,
                       fmt::join(kNames, ", "));
    }
    const auto is_same = [&](const EngineChoice& other) { return other.name == name; };
    if (std::any_of(choices.begin(), choices.end(), is_same)) continue;
    EngineChoice& choice = choices.emplace_back(
        EngineChoice{name, by_name || name == kIndispensable, make_engine(name)});
    if (name.starts_with(kDatapath)) choice.ledger = Ledger::built_in();
    if (!choice.engine && choice.engine.error().kind == ErrorKind::kBadInput) {
      return tl::unexpected(choice.engine.error());
    }
  }
  return choices;
}

std::unique_ptr<Oracle> make_oracle() {
  return std::make_unique<Reference>();
}

}  // namespace kubeproof
