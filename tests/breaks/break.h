// A deliberate break of the BPF programs, or, in control/, of what writes their maps: a patch, and
// what has to be said of it.
//
//   Breaks: what it breaks.
//   Caught by: what must catch it.
//   Engine: which engine must differ; ebpf-tc, where there is no such line
//   Input: what to replay (a folder as corpus/lab is) or run (a case); one or several lines
//   Differs: KIND, TEXT      a difference of that kind, in whose words the text occurs; one or
//   several
//   Test: PROGRAM FILTER     in place of Input and Differs: a program of tests with GoogleTest's
//   filter, some test of which has to fail; one or several
//
//   --- a/datapath/bpf/…     a unified diff; `git apply` takes the file as it is
#pragma once

#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

namespace kubeproof::breaks {

struct ExpectedDifference {
  std::string kind;  // as reports spell it: "destination-port"
  std::string text;  // may be empty
};

struct BreakTest {
  std::string program;
  std::string filter;
};

struct Break {
  std::string name;  // of the file, without ".patch"
  std::filesystem::path patch;
  std::string what;
  std::string caught_by;
  std::string engine = "ebpf-tc";
  std::vector<std::string> inputs;
  std::vector<ExpectedDifference> differences;
  std::vector<BreakTest> tests;
};

// How GoogleTest, and so ctest, names it.
inline void PrintTo(const Break& one, std::ostream* out) {
  *out << one.name;
}

// Every patch of a folder, by name. Throws what is wrong with one that is not of the form above.
std::vector<Break> read_breaks(const std::filesystem::path& folder);

}  // namespace kubeproof::breaks
