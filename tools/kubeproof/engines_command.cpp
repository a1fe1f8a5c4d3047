// kubeproof engines: which engines this machine can run, and what is missing for the others.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "replay/engine/engine_probe.h"
#include "tools/kubeproof/command_line.h"

namespace kubeproof {
namespace {

void print_text(const std::vector<EngineProbe>& probes) {
  for (const EngineProbe& probe : probes) {
    fmt::print("{:<12}{}\n", probe.name, probe.available() ? "runs here" : "cannot run here");
    for (const std::string& line : probe.missing) fmt::print("{:<12}missing: {}\n", "", line);
    for (const std::string& line : probe.notes) fmt::print("{:<12}{}\n", "", line);
  }
}

void print_json(const std::vector<EngineProbe>& probes) {
  nlohmann::ordered_json engines = nlohmann::ordered_json::array();
  for (const EngineProbe& probe : probes) {
    engines.push_back({{"name", probe.name},
                       {"available", probe.available()},
                       {"missing", probe.missing},
                       {"notes", probe.notes}});
  }
  const nlohmann::ordered_json json = {
      {"kubeproof", "v1"}, {"command", "engines"}, {"engines", std::move(engines)}};
  fmt::print("{}\n", json.dump(2));
}

}  // namespace

void add_engines_command(CLI::App& program, int& status) {
  auto format = std::make_shared<std::string>("text");
  CLI::App* command = program.add_subcommand(
      "engines", "Show which engines this machine can run, and what the others need");
  command->add_option("--format", *format, "For people or for machines")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  command->callback([format, &status] {
    const std::vector<EngineProbe> probes = probe_engines();
    if (*format == "json") {
      print_json(probes);
    } else {
      print_text(probes);
    }
    status = 0;
  });
}

}  // namespace kubeproof
