// kubeproof replay: captures through the engines, and every packet on which they disagree.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/snapshot/snapshot_notes.h"
#include "replay/capture/capture_survey.h"
#include "replay/run/divergence_cases.h"
#include "replay/session/engine_captures.h"
#include "replay/session/explain_divergences.h"
#include "replay/session/replay_captures.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/report_options.h"
#include "tools/kubeproof/rule_dumps.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof {
namespace {

struct ReplayOptions {
  SnapshotOptions snapshot;
  RuleDumpOption rules;
  EngineOptions engines;
  ReportOptions report;
  std::vector<std::string> captures;
  std::optional<std::string> write;
};

struct Replayed {
  Snapshot snapshot;
  Configuration configuration;
};

Result<Replayed> read_inputs(const ReplayOptions& options) {
  auto snapshot = options.snapshot.read();
  if (!snapshot) return tl::unexpected(snapshot.error());
  // Where a packet enters follows from its source, so every pod that sends has to be known first.
  const auto survey = survey_captures(options.captures, snapshot->node.pod_cidrs);
  if (!survey) return tl::unexpected(survey.error());
  auto configuration = configure(*snapshot, survey->sources);
  if (!configuration) return tl::unexpected(configuration.error());
  if (auto installed = options.rules.install(*configuration); !installed) {
    return tl::unexpected(installed.error());
  }
  return Replayed{*std::move(snapshot), *std::move(configuration)};
}

using StartedSession = Result<std::unique_ptr<Session>>;

StartedSession start(const ReplayOptions& options, const Configuration& configuration) {
  auto engines = options.engines.make();
  if (!engines) return tl::unexpected(engines.error());
  return Session::start(configuration, *std::move(engines), make_oracle);
}

// Replays, and fills the report.
Result<void> replay_once(const ReplayOptions& options, const CaptureReplay& replay,
                         Session& session, Report& report) {
  if (auto checked = session.check_captured(make_oracle()); !checked) return checked;
  std::optional<EngineCaptures> written;
  if (options.write) {
    auto opened = EngineCaptures::open(*options.write, session);
    if (!opened) return tl::unexpected(opened.error());
    written = *std::move(opened);
  }
  auto imported = replay_captures(session, replay);
  if (!imported) return tl::unexpected(imported.error());
  report.import = *std::move(imported);
  if (written) {
    if (auto finished = written->finish(); !finished) return finished;
  }
  session.report_into(report);
  return {};
}

Result<void> write_cases(const ReplayOptions& options, const Replayed& inputs,
                         const CaptureReplay& replay, ProgressLine& progress, Report& report) {
  DivergenceCases cases;
  cases.folder = *options.write;
  cases.snapshot = inputs.snapshot;
  cases.world = inputs.configuration.world;
  cases.captures = {replay.files, replay.import};
  cases.make_engine = [&](const std::string& name) { return options.engines.make_one(name); };
  cases.make_oracle = make_oracle;
  cases.command = [&](const std::string& engine, const std::string& file) {
    return fmt::format("kubeproof run {} {}", options.engines.arguments_for(engine), file);
  };
  cases.progress = [&](const std::string& what) { progress.show(what); };
  return write_divergence_cases(cases, report);
}

Result<void> replay_all(const ReplayOptions& options, const Replayed& inputs, Report& report) {
  ProgressLine progress;
  CaptureReplay replay;
  replay.files = options.captures;
  replay.import.world_is_the_nodes = inputs.snapshot.node.interfaces.has_value();
  replay.progress = [&](uint64_t packets) {
    progress.show(fmt::format("{} packets replayed", packets));
  };
  auto session = start(options, inputs.configuration);
  if (!session) return tl::unexpected(session.error());
  if (auto replayed = replay_once(options, replay, **session, report); !replayed) return replayed;
  session->reset();
  if (needs_explanation(report)) {
    auto fresh = start(options, inputs.configuration);
    if (!fresh) return tl::unexpected(fresh.error());
    if (auto told = explain_divergences(**fresh, replay, report); !told) return told;
  }
  return options.write ? write_cases(options, inputs, replay, progress, report) : Result<void>{};
}

int run_replay(const ReplayOptions& options) {
  const auto inputs = read_inputs(options);
  if (!inputs) return fail(inputs.error());
  Report report;
  report.command = "replay";
  report.inputs = options.captures;
  report.notes = snapshot_notes(inputs->snapshot.objects, inputs->snapshot.proxy);
  const auto replayed = replay_all(options, *inputs, report);
  if (!replayed) return fail(replayed.error());
  return options.report.print(report);
}

}  // namespace

void add_replay_command(CLI::App& program, int& status) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = program.add_subcommand(
      "replay", "Replay captures of a node through the engines and report divergences");
  options->snapshot.add_to(*command);
  options->rules.add_to(*command);
  options->engines.add_to(*command);
  options->report.add_to(*command);
  command
      ->add_option(
          "--pcap", options->captures,
          "Captures of the node, pcap or pcapng, merged by time: tcpdump -i any shows most")
      ->type_name("FILE")
      ->required();
  command
      ->add_option("--write", options->write,
                   "Leave here what each engine was given and emitted, as captures, and a case for "
                   "each divergence")
      ->type_name("DIR");
  command->footer(
      "Example:\n"
      "  kubeproof replay --cluster cluster.yaml --proxy-config kube-proxy.yaml --node NODE \\\n"
      "    --interfaces node-addr.json --routes node-route.json --routes node-route6.json \\\n"
      "    --pcap node.pcap\n\n"
      "Exit status: 0 equivalent, 1 a divergence, 2 bad usage or input, 3 cannot run here.");
  command->callback([options, &status] { status = run_replay(*options); });
}

}  // namespace kubeproof
