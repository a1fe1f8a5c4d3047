// What the README shows a newcomer is what the program prints.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/lab/lab.h"

namespace kubeproof::lab {
namespace {

using nlohmann::json;

constexpr int kCannotRun = 3;

// The block of README.md that begins with this line.
std::string block_of_readme(const std::string& first_words) {
  std::ifstream file("README.md");
  std::stringstream text;
  text << file.rdbuf();
  const std::string readme = text.str();
  const size_t begin = readme.find("```\n" + first_words);
  if (begin == std::string::npos) return "";
  const size_t end = readme.find("```\n", begin + 4);
  return readme.substr(begin + 4, end - begin - 4);
}

// Every packet, every engine, and all that the captured node did.
TEST(Replay, OfTheLabAgreesAltogether) {
  const ChildOutput output =
      run("replay", {"--engine", "netfilter,ebpf-tc,ebpf-xdp", "--format", "json"});
  if (output.exit_status == kCannotRun) GTEST_SKIP() << output.standard_error;
  ASSERT_EQ(output.exit_status, 0) << output.standard_error;
  const json report = json::parse(output.standard_output);
  const json& captured = report.at("captured");
  EXPECT_EQ(captured.at("agree"), captured.at("packets"));
  EXPECT_EQ(captured.at("not_shown"), 0);
}

// Where a masquerade happens to draw a port that is also a node port, the replies to it count in
// that one's cell. That is rare; so a second run is allowed.
TEST(Replay, OfTheLabIsWhatTheReadmeShows) {
  ChildOutput output = run("replay");
  if (output.standard_output != block_of_readme("kubeproof replay: ")) output = run("replay");
  if (output.exit_status != 0 || output.standard_output.find("not run") != std::string::npos) {
    GTEST_SKIP() << "not every engine runs here: " << output.standard_error;
  }
  EXPECT_EQ(block_of_readme("kubeproof replay: "), output.standard_output)
      << "put what tools/quickstart prints into README.md";
}

}  // namespace
}  // namespace kubeproof::lab
