#include "tools/kubeproof/report_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

#include "replay/report/case_text.h"
#include "replay/report/json_report.h"
#include "replay/report/printable.h"
#include "replay/report/text_report.h"
#include "tools/kubeproof/command_line.h"

namespace kubeproof {

using namespace std::chrono_literals;

void ReportOptions::add_to(CLI::App& command) {
  command.add_option("--format", format_, "For people or for machines")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
}

namespace {

// "; a.pcap: after frame 0: truncated …", for a line that has to say why there is nothing.
std::string damage_of(const Report& report) {
  std::string text;
  for (const ImportCount& line : report.import) {
    for (const std::string& damage : line.details) text += "; " + damage;
  }
  return text;
}

}  // namespace

int ReportOptions::print(const Report& report) const {
  if (json()) {
    fmt::print("{}", render_json(report));
  } else {
    TextStyle style;
    style.color = output_takes_color();
    fmt::print("{}", printable(render_text(report, style)));
  }
  const RunVerdict verdict = verdict_of(report);
  if (verdict == RunVerdict::kEmpty) {
    return fail({ErrorKind::kBadInput,
                 fmt::format("{}: nothing to compare: not one packet that entered the node{}",
                             fmt::join(report.inputs, ", "), damage_of(report))});
  }
  return exit_status(verdict);
}

int ReportOptions::print(const RunReport& report) const {
  fmt::print("{}",
             json() ? render_json(report) : printable(render_text(report, output_takes_color())));
  return exit_status(verdict_of(report));
}

bool output_takes_color() {
  // The program runs no threads that could change the environment.
  return isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr;
}

ProgressLine::ProgressLine()
    : terminal_(isatty(STDERR_FILENO) != 0), next_(std::chrono::steady_clock::now() + 1s) {}

ProgressLine::~ProgressLine() {
  clear();
}

void ProgressLine::clear() {
  if (shown_) fmt::print(stderr, "\r\x1b[K");
  shown_ = false;
}

void ProgressLine::show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!terminal_ || now < next_) return;
  next_ = now + 200ms;
  shown_ = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
}

}  // namespace kubeproof
