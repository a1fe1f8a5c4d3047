// kubeproof replay: captures through the engines, and every packet on which they disagree.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replay/capture/capture_survey.h"
#include "replay/session/engine_captures.h"
#include "replay/session/replay_captures.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/report_options.h"
#include "tools/kubeproof/snapshot_options.h"

namespace kubeproof {
namespace {

struct ReplayOptions {
  SnapshotOptions snapshot;
  EngineOptions engines;
  ReportOptions report;
  std::vector<std::string> captures;
  std::optional<std::string> write;
};

Result<Configuration> configure_for(const ReplayOptions& options) {
  const auto snapshot = options.snapshot.read();
  if (!snapshot) return tl::unexpected(snapshot.error());
  // Where a packet enters follows from its source, so every pod that sends has to be known first.
  const auto survey = survey_captures(options.captures, snapshot->node.pod_cidrs);
  if (!survey) return tl::unexpected(survey.error());
  return configure(*snapshot, survey->sources);
}

int run_replay(const ReplayOptions& options) {
  auto configuration = configure_for(options);
  if (!configuration) return fail(configuration.error());
  auto engines = options.engines.make();
  if (!engines) return fail(engines.error());
  auto session = Session::start(*std::move(configuration), *std::move(engines), make_oracle);
  if (!session) return fail(session.error());
  if (const auto checked = (*session)->check_captured(make_oracle()); !checked) {
    return fail(checked.error());
  }

  std::optional<EngineCaptures> written;
  if (options.write) {
    auto opened = EngineCaptures::open(*options.write, **session);
    if (!opened) return fail(opened.error());
    written = *std::move(opened);
  }
  Report report;
  report.command = "replay";
  report.inputs = options.captures;
  {
    ProgressLine progress;
    CaptureReplay replay;
    replay.files = options.captures;
    replay.import.world_is_the_nodes = options.snapshot.has_interfaces();
    replay.progress = [&](uint64_t packets) {
      progress.show(fmt::format("{} packets replayed", packets));
    };
    auto imported = replay_captures(**session, replay);
    if (!imported) return fail(imported.error());
    report.import = *std::move(imported);
  }
  if (written) {
    if (const auto finished = written->finish(); !finished) return fail(finished.error());
  }
  (*session)->report_into(report);
  return options.report.print(report);
}

}  // namespace

void add_replay_command(CLI::App& program, int& status) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = program.add_subcommand(
      "replay", "Replay captures of a node through the engines and report divergences");
  options->snapshot.add_to(*command);
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
                   "Leave what each engine was given and emitted here, as a capture")
      ->type_name("DIR");
  command->callback([options, &status] { status = run_replay(*options); });
}

}  // namespace kubeproof
