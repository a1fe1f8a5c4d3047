// kubeproof run: case files, or folders of them.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "replay/case/read_case.h"
#include "replay/report/case_text.h"
#include "replay/run/run_case.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/find_cases.h"
#include "tools/kubeproof/report_options.h"

namespace kubeproof {
namespace {

struct RunOptions {
  EngineOptions engines;
  ReportOptions report;
  std::vector<std::string> paths;
};

// All of them are understood before any of them runs.
Result<std::vector<Case>> read_cases(const std::vector<std::string>& files) {
  std::vector<Case> cases;
  for (const std::string& file : files) {
    auto read = read_case(file);
    if (!read) return tl::unexpected(read.error());
    cases.push_back(*std::move(read));
  }
  return cases;
}

Result<void> run_all(const RunOptions& options, const std::vector<Case>& cases, RunReport& report) {
  ProgressLine progress;
  for (size_t i = 0; i < cases.size(); ++i) {
    progress.show(fmt::format("case {} of {}: {}", i + 1, cases.size(), cases[i].file));
    auto ran = run_case(
        cases[i], [&] { return options.engines.make(); }, make_oracle);
    if (!ran) return tl::unexpected(ran.error());
    report.cases.push_back(*std::move(ran));
  }
  return {};
}

int run_cases(const RunOptions& options) {
  auto found = find_cases(options.paths);
  if (!found) return fail(found.error());
  const auto cases = read_cases(found->files);
  if (!cases) return fail(cases.error());
  RunReport report;
  report.inputs = options.paths;
  report.passed_over = std::move(found->passed_over);
  if (const auto done = run_all(options, *cases, report); !done) return fail(done.error());
  return options.report.print(report);
}

}  // namespace

void add_run_command(CLI::App& program, int& status) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = program.add_subcommand(
      "run", "Run case files: what they expect, and whether the engines agree");
  command->add_option("CASE", options->paths, "Case files (JSON or YAML), or folders of them")
      ->required();
  options->engines.add_to(*command);
  options->report.add_to(*command);
  command->callback([options, &status] { status = run_cases(*options); });
}

}  // namespace kubeproof
