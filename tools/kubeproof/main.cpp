#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tools/kubeproof/command_line.h"

int main(int argc, char** argv) {
  try {
    return kubeproof::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "kubeproof: {}\n", error.what());
    return kubeproof::kExitEnvironment;
  }
}
