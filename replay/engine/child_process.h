// Runs a tool of the system (ip, nft, iptables-restore) to its end, in the network namespace of the
// calling thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace kubeproof {

struct ChildOutput {
  int exit_status = 0;  // 128 + the signal where one ended it
  std::string standard_output;
  std::string standard_error;
};

// `arguments[0]` is looked up in PATH; `environment` adds NAME=VALUE entries to our own. An error
// is returned only where the program could not be started.
Result<ChildOutput> run_child(const std::vector<std::string>& arguments, std::string_view input,
                              const std::vector<std::string>& environment = {});

// The same, where anything but success is an error: one line with the program's own first words.
Result<std::string> run_child_checked(const std::vector<std::string>& arguments,
                                      std::string_view input,
                                      const std::vector<std::string>& environment = {});

}  // namespace kubeproof
