// Values that may be an error instead. Everything that a user's input or the machine can make fail
// returns a Result; assertions are for our own mistakes only.
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace kubeproof {

enum class ErrorKind {
  kBadInput,     // the user's files or arguments: exit status 2
  kEnvironment,  // kernel, privileges or tools are missing: exit status 3
};

// One clear line for the user: which file, which place in it, what was expected.
struct Error {
  ErrorKind kind = ErrorKind::kBadInput;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

template <class... Args>
[[nodiscard]] tl::unexpected<Error> bad_input(fmt::format_string<Args...> format, Args&&... args) {
  return tl::unexpected(
      Error{ErrorKind::kBadInput, fmt::format(format, std::forward<Args>(args)...)});
}

template <class... Args>
[[nodiscard]] tl::unexpected<Error> environment_error(fmt::format_string<Args...> format,
                                                      Args&&... args) {
  return tl::unexpected(
      Error{ErrorKind::kEnvironment, fmt::format(format, std::forward<Args>(args)...)});
}

}  // namespace kubeproof
