// The program `kubeproof`: one file for each of its commands, and what they share.
//
// Exit status: 0 equivalent, 1 divergence or failed expectation, 2 bad usage or bad input, with one
// clear line on standard error, 3 the environment cannot run what was asked.
#pragma once

#include "model/result.h"

namespace CLI {
class App;
}

namespace kubeproof {

inline constexpr int kExitBadInput = 2;
inline constexpr int kExitEnvironment = 3;

// Parses the arguments, runs the command, returns the exit status.
int run_command_line(int argc, const char* const* argv);

// One line on standard error; the exit status that belongs to the error.
int fail(const Error& error);

// Each adds its command to the program; when the command is chosen, `status` becomes its exit
// status.
void add_engines_command(CLI::App& program, int& status);
void add_fuzz_command(CLI::App& program, int& status);
void add_replay_command(CLI::App& program, int& status);
void add_rules_command(CLI::App& program, int& status);
void add_run_command(CLI::App& program, int& status);
void add_trace_command(CLI::App& program, int& status);

}  // namespace kubeproof
