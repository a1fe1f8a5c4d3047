// How a command prints what it found.
#pragma once

#include <chrono>
#include <string>

#include "replay/report/case_report.h"
#include "replay/report/report.h"

namespace CLI {
class App;
}

namespace kubeproof {

class ReportOptions {
 public:
  void add_to(CLI::App& command);

  // Prints the report on standard output; its exit status.
  int print(const Report& report) const;
  int print(const RunReport& report) const;

  bool json() const { return format_ == "json"; }

 private:
  std::string format_ = "text";
};

// Whether standard output takes colour: a terminal, and NO_COLOR is not set.
bool output_takes_color();

// A line on standard error that replaces itself, on a terminal and after a second.
class ProgressLine {
 public:
  ProgressLine();
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void show(const std::string& text);
  void clear();

 private:
  bool terminal_;
  bool shown_ = false;
  std::chrono::steady_clock::time_point next_;
};

}  // namespace kubeproof
