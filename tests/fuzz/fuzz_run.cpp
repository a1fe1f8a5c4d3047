#include "tests/fuzz/fuzz_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace kubeproof::fuzz {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  // The tests run no threads that could change the environment.
  const char* value = std::getenv(name);
  return value == nullptr ? otherwise : std::strtoull(value, nullptr, 10);
}

}  // namespace

FuzzRun::FuzzRun()
    : end_(std::chrono::steady_clock::now() +
           std::chrono::seconds(from_environment("KUBEPROOF_FUZZ_SECONDS", 2))),
      seed_(from_environment("KUBEPROOF_FUZZ_SEED", 1)) {}

FuzzRun::~FuzzRun() {
  if (testing::Test::HasFailure()) {
    folder_.keep();
    return;
  }
  testing::Test::RecordProperty("rounds", std::to_string(round_));
}

bool FuzzRun::next() {
  if (testing::Test::HasFailure() || std::chrono::steady_clock::now() >= end_) return false;
  ++round_;
  std::seed_seq sequence{seed_, round_};
  random_.seed(sequence);
  return true;
}

std::string FuzzRun::write(const std::string& name, const std::string& content) {
  std::string path = folder_.file(name);
  const auto [known, fresh] = written_.try_emplace(name, content);
  if (!fresh && known->second == content) return path;
  known->second = content;
  // A new file: of one that is rewritten, some filesystems wait for the disk.
  std::filesystem::remove(path);
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

std::string FuzzRun::describe() const {
  return fmt::format("seed {} round {}, files in {}", seed_, round_, folder_.path().string());
}

std::string read_whole(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

}  // namespace kubeproof::fuzz
