#include "tools/kubeproof/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "replay/report/printable.h"

namespace kubeproof {

int fail(const Error& error) {
  // One line, whatever a library put into it.
  std::string line = error.message;
  std::replace(line.begin(), line.end(), '\n', ' ');
  fmt::print(stderr, "kubeproof: {}\n", printable(line));
  return error.kind == ErrorKind::kBadInput ? kExitBadInput : kExitEnvironment;
}

namespace {

std::vector<std::string> names_of_commands(const CLI::App& program) {
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App program(
      "kubeproof: does an eBPF replacement of kube-proxy treat every packet as kube-proxy would?",
      "kubeproof");
  program.require_subcommand(1);
  program.set_version_flag("--version", KUBEPROOF_VERSION);
  program.footer(
      "Exit status: 0 equivalent, 1 divergence or failed expectation, 2 bad usage or input,\n"
      "3 the environment cannot run what was asked. `kubeproof COMMAND --help` tells more.");
  int status = 0;
  add_replay_command(program, status);
  add_run_command(program, status);
  add_trace_command(program, status);
  add_fuzz_command(program, status);
  add_rules_command(program, status);
  add_engines_command(program, status);
  const std::vector<std::string> commands = names_of_commands(program);
  if (argc > 1 && argv[1][0] != '-' &&
      std::find(commands.begin(), commands.end(), argv[1]) == commands.end()) {
    return fail({ErrorKind::kBadInput, fmt::format("there is no command '{}'; there are {}",
                                                   argv[1], fmt::join(commands, ", "))});
  }
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail({ErrorKind::kBadInput, std::string(error.what()) + " (see --help)"});
  }
  return status;
}

}  // namespace kubeproof
