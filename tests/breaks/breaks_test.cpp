// The harness has to find what it exists to find. Each patch of this folder breaks the BPF programs
// in one way; compiled with the flags of the real ones and put in their place, they must diverge,
// or fail tests, in the way that the patch foretells, and the untouched programs must not. Those of
// control/ break what writes the maps; programs of tests are linked with each (CMakeLists.txt).
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>

#include "replay/engine/child_process.h"
#include "tests/breaks/break.h"
#include "tests/temporary_folder.h"
#include "tests/unit/datapath/tested_programs.h"

namespace kubeproof::breaks {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const fs::path kRoot = KUBEPROOF_ROOT;

// A copy of the programs' sources that is gone with the test.
class Workshop {
 public:
  Workshop() { fs::copy(kRoot / "datapath/bpf", directory(), fs::copy_options::recursive); }

  // What the tools say where they fail.
  std::string apply(const fs::path& patch) const {
    return complaints({"patch", "--strip=3", "--fuzz=0", "--batch", "--silent",
                       "--directory=" + directory().string(), "--input=" + patch.string()});
  }
  std::string compile() const {
    std::vector<std::string> link = {KUBEPROOF_BPF_LINK, object()};
    for (const std::string source : {KUBEPROOF_BPF_SOURCES}) {
      const fs::path part = directory() / (source + ".bpf.o");
      std::vector<std::string> command = {KUBEPROOF_BPF_COMPILE};
      command.insert(command.end(), {"-c", directory() / (source + ".bpf.c"), "-o", part});
      if (std::string complaint = complaints(command); !complaint.empty()) return complaint;
      link.push_back(part);
    }
    return complaints(link);
  }
  std::string object() const { return directory() / "broken.bpf.o"; }
  const fs::path& directory() const { return folder_.path(); }

 private:
  static std::string complaints(const std::vector<std::string>& command) {
    const auto output = run_child(command, "");
    if (!output) return output.error().message;
    if (output->exit_status == 0) return "";
    return fmt::format("exit status {}: {}{}", output->exit_status, output->standard_output,
                       output->standard_error);
  }

  TemporaryFolder folder_;
};

struct Finding {
  int exit_status = 0;
  std::string standard_error;
  json report;
};

std::vector<std::string> command_for(const std::string& input) {
  const fs::path path = kRoot / input;
  if (!fs::is_directory(path)) return {"run", path};
  std::vector<std::string> command = {"replay", "--node", "node-a"};
  const auto add = [&](const char* option, const char* file) {
    command.insert(command.end(), {option, path / file});
  };
  add("--cluster", "cluster.yaml");
  add("--proxy-config", "kube-proxy.yaml");
  add("--interfaces", "node-a-addr.json");
  add("--routes", "node-a-route.json");
  add("--routes", "node-a-route6.json");
  add("--pcap", "node-a.pcap");
  add("--pcap", "node-a-host.pcap");
  return command;
}

Finding run_kubeproof(const std::string& input, const std::string& object,
                      const std::string& engine, const std::vector<std::string>& more = {}) {
  std::vector<std::string> command = {KUBEPROOF_PROGRAM};
  for (std::string& argument : command_for(input)) command.push_back(std::move(argument));
  command.insert(command.end(), {"--engine", engine, "--bpf-object", object, "--format", "json"});
  command.insert(command.end(), more.begin(), more.end());
  auto output = run_child(command, "").value();
  Finding finding;
  finding.exit_status = output.exit_status;
  finding.standard_error = std::move(output.standard_error);
  finding.report = json::parse(output.standard_output, nullptr, /*allow_exceptions=*/false);
  return finding;
}

// All that a report says of one divergence, kind by kind.
void add_differences(const json& engines, std::vector<ExpectedDifference>& told) {
  for (const json& engine : engines) {
    for (const json& divergence : engine.at("divergences")) {
      for (const json& part : divergence.at("differences")) {
        told.push_back({part.at("kind"), fmt::format("{}; seen {}; from {}: {}; permitted {}",
                                                     part.at("text").get<std::string>(),
                                                     divergence.at("seen").get<std::string>(),
                                                     divergence.at("ingress").get<std::string>(),
                                                     divergence.at("packet").get<std::string>(),
                                                     divergence.at("permitted").dump())});
      }
    }
  }
}

// Those of a replay, or of the cases of a run, with the expectations that failed there.
std::vector<ExpectedDifference> told_differences(const json& report) {
  std::vector<ExpectedDifference> told;
  add_differences(report.value("engines", json::array()), told);
  for (const json& one : report.value("cases", json::array())) {
    add_differences(one.at("engines"), told);
    for (const json& step : one.at("failed_steps")) {
      for (const json& failure : step.at("failures")) {
        told.push_back({failure.at("kind"), failure.at("text")});
      }
    }
  }
  return told;
}

bool is_among(const ExpectedDifference& expected, const std::vector<ExpectedDifference>& told) {
  return std::any_of(told.begin(), told.end(), [&](const ExpectedDifference& one) {
    return one.kind == expected.kind && one.text.find(expected.text) != std::string::npos;
  });
}

// The first few, for people.
std::string sample(const std::vector<ExpectedDifference>& told) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(told.size(), 5); ++i) {
    text += fmt::format("  {}: {}\n", told[i].kind, told[i].text);
  }
  return text;
}

// Nor could sound programs.
bool cannot_run(const Finding& finding) {
  constexpr int kCannotRun = 3;
  return finding.exit_status == kCannotRun && !programs_should_load();
}

// Whether each of the tests named fails, run from `program` with programs of tests as they are
// named.
void expect_failures(const Break& broken, const std::function<fs::path(const BreakTest&)>& program,
                     const std::vector<std::string>& environment) {
  constexpr int kSkipped = 77;  // tests/grouped_main.cpp
  for (const BreakTest& test : broken.tests) {
    const auto output = run_child(
        {program(test), "--gtest_filter=" + test.filter, "--gtest_brief=1"}, "", environment);
    ASSERT_TRUE(output) << output.error().message;
    const std::string& told = output->standard_output;
    const bool none_failed = output->exit_status == 0 || output->exit_status == kSkipped;
    if (none_failed && told.find("Skipped") != std::string::npos) GTEST_SKIP() << told;
    EXPECT_EQ(output->exit_status, 1) << "breaks: " << broken.what << "\nnot caught by "
                                      << test.program << " " << test.filter << ":\n"
                                      << told << output->standard_error;
    EXPECT_NE(told.find("[  FAILED  ]"), std::string::npos) << told;
  }
}

// By its name in a line "Test: NAME FILTER".
fs::path test_program(const BreakTest& test) {
  if (test.program == "datapath_program_test") return KUBEPROOF_PROGRAM_TEST;
  if (test.program == "attached_test") return KUBEPROOF_ATTACHED_TEST;
  if (test.program == "oracle_test") return KUBEPROOF_ORACLE_TEST;
  throw std::runtime_error(test.program + " is no program of tests that takes broken programs");
}

class Breaks : public testing::TestWithParam<Break> {};

TEST_P(Breaks, IsCaught) {
  const Break& broken = GetParam();
  const Workshop workshop;
  ASSERT_EQ(workshop.apply(broken.patch), "")
      << broken.patch << " no longer applies to datapath/bpf: bring it up to date";
  ASSERT_EQ(workshop.compile(), "") << broken.patch << " does not compile: bring it up to date";
  expect_failures(broken, test_program, {"KUBEPROOF_BPF_OBJECT=" + workshop.object()});
  std::vector<ExpectedDifference> told;
  for (const std::string& input : broken.inputs) {
    const Finding finding = run_kubeproof(input, workshop.object(), broken.engine);
    if (cannot_run(finding)) GTEST_SKIP() << finding.standard_error;
    EXPECT_EQ(finding.exit_status, 1) << input << ": " << finding.standard_error;
    ASSERT_FALSE(finding.report.is_discarded()) << input << ": no report";
    for (ExpectedDifference& one : told_differences(finding.report)) told.push_back(std::move(one));
  }
  for (const ExpectedDifference& expected : broken.differences) {
    EXPECT_TRUE(is_among(expected, told)) << "breaks: " << broken.what << "\nnot caught by "
                                          << expected.kind << " '" << expected.text << "', but:\n"
                                          << sample(told);
  }
}

std::string name_of(const testing::TestParamInfo<Break>& info) {
  std::string name = info.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(, Breaks, testing::ValuesIn(read_breaks(kRoot / "tests/breaks")), name_of);

class ControlBreaks : public testing::TestWithParam<Break> {};

TEST_P(ControlBreaks, IsCaught) {
  const Break& broken = GetParam();
  ASSERT_FALSE(broken.tests.empty()) << "control is broken for programs of tests only";
  expect_failures(
      broken, [&](const BreakTest&) { return fs::path(KUBEPROOF_BROKEN_CONTROL) / broken.name; },
      {});
}

INSTANTIATE_TEST_SUITE_P(, ControlBreaks,
                         testing::ValuesIn(read_breaks(kRoot / "tests/breaks/control")), name_of);

// What `replay --write` leaves of a divergence fails with the broken programs and passes with sound
// ones.
TEST(CaseOfADivergence, ShowsTheBreakAndNothingElse) {
  const Workshop broken;
  const Workshop sound;
  ASSERT_EQ(broken.apply(kRoot / "tests/breaks/masquerade-port-out-of-range.patch"), "");
  ASSERT_EQ(broken.compile(), "");
  ASSERT_EQ(sound.compile(), "");
  const std::string folder = broken.directory() / "written";
  const Finding replayed =
      run_kubeproof("corpus/lab", broken.object(), "ebpf-tc", {"--write", folder});
  if (cannot_run(replayed)) GTEST_SKIP() << replayed.standard_error;
  ASSERT_EQ(replayed.exit_status, 1) << replayed.standard_error;
  const json& divergences = replayed.report.at("engines").at(0).at("divergences");
  constexpr size_t kRunAgain = 2;
  ASSERT_GE(divergences.size(), kRunAgain);
  for (size_t i = 0; i < kRunAgain; ++i) {
    ASSERT_TRUE(divergences[i].contains("case")) << divergences[i].dump();
    const std::string file = divergences[i].at("case");
    EXPECT_EQ(run_kubeproof(file, broken.object(), "ebpf-tc").exit_status, 1) << file;
    const Finding passed = run_kubeproof(file, sound.object(), "ebpf-tc");
    EXPECT_EQ(passed.exit_status, 0) << file << "\n" << sample(told_differences(passed.report));
  }
}

// Without it the tests above would prove nothing.
TEST(WithoutABreak, TheSameInputsAgree) {
  const Workshop workshop;
  ASSERT_EQ(workshop.compile(), "");
  std::set<std::string> inputs;
  for (const Break& one : read_breaks(kRoot / "tests/breaks")) {
    inputs.insert(one.inputs.begin(), one.inputs.end());
  }
  for (const std::string& input : inputs) {
    const Finding finding = run_kubeproof(input, workshop.object(), "ebpf-tc,ebpf-xdp");
    if (cannot_run(finding)) GTEST_SKIP() << finding.standard_error;
    EXPECT_EQ(finding.exit_status, 0) << input << ": " << finding.standard_error << "\n"
                                      << sample(told_differences(finding.report));
  }
}

}  // namespace
}  // namespace kubeproof::breaks
