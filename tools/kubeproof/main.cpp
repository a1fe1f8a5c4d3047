#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tools/kubeproof/command_line.h"

int main(int argc, char** argv) {
  try {
    const int status = kubeproof::run_command_line(argc, argv);
    // A report that got lost, on a full disk for one, must not count as given.
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return status;
    fmt::print(stderr, "kubeproof: cannot write to standard output\n");
    return kubeproof::kExitEnvironment;
  } catch (const std::exception& error) {
    fmt::print(stderr, "kubeproof: {}\n", error.what());
    return kubeproof::kExitEnvironment;
  }
}
