// Standard input and outputs are memory files, so that neither side can block on a full pipe.
#include "replay/engine/child_process.h"

#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "replay/engine/file_descriptor.h"

namespace kubeproof {
namespace {

Result<FileDescriptor> memory_file(std::string_view content) {
  FileDescriptor file(memfd_create("kubeproof", MFD_CLOEXEC));
  if (!file) return environment_error("memfd_create: {}", std::strerror(errno));
  while (!content.empty()) {
    const ssize_t written = write(file.get(), content.data(), content.size());
    if (written < 0) return environment_error("a memory file: {}", std::strerror(errno));
    content.remove_prefix(static_cast<size_t>(written));
  }
  lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string read_from_start(const FileDescriptor& file) {
  std::string text(static_cast<size_t>(lseek(file.get(), 0, SEEK_END)), '\0');
  const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
  text.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return text;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size());
  // posix_spawn takes non-const pointers and changes nothing behind them.
  for (const std::string& text : texts) result.push_back(const_cast<char*>(text.c_str()));
  return result;
}

class SpawnFileActions {
 public:
  SpawnFileActions() { posix_spawn_file_actions_init(&actions_); }
  SpawnFileActions(const SpawnFileActions&) = delete;
  SpawnFileActions& operator=(const SpawnFileActions&) = delete;
  ~SpawnFileActions() { posix_spawn_file_actions_destroy(&actions_); }
  void redirect(int target, const FileDescriptor& file) {
    posix_spawn_file_actions_adddup2(&actions_, file.get(), target);
  }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

std::string_view first_line(std::string_view text) {
  return text.substr(0, text.find('\n'));
}

}  // namespace

Result<ChildOutput> run_child(const std::vector<std::string>& arguments, std::string_view input,
                              const std::vector<std::string>& environment) {
  auto in = memory_file(input);
  auto out = memory_file("");
  auto err = memory_file("");
  if (!in || !out || !err) {
    return tl::unexpected(!in ? in.error() : !out ? out.error() : err.error());
  }
  SpawnFileActions actions;
  actions.redirect(STDIN_FILENO, *in);
  actions.redirect(STDOUT_FILENO, *out);
  actions.redirect(STDERR_FILENO, *err);

  std::vector<char*> argv = pointers(arguments);
  argv.push_back(nullptr);
  std::vector<char*> envp = pointers(environment);
  for (char** entry = environ; *entry != nullptr; ++entry) envp.push_back(*entry);
  envp.push_back(nullptr);

  pid_t child = 0;
  const int error =
      posix_spawnp(&child, arguments[0].c_str(), actions.get(), nullptr, argv.data(), envp.data());
  if (error != 0) {
    return environment_error("{}: cannot be run ({})", arguments[0], std::strerror(error));
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return environment_error("{}: {}", arguments[0], std::strerror(errno));
  }
  return ChildOutput{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                     read_from_start(*out), read_from_start(*err)};
}

Result<std::string> run_child_checked(const std::vector<std::string>& arguments,
                                      std::string_view input,
                                      const std::vector<std::string>& environment) {
  auto output = run_child(arguments, input, environment);
  if (!output) return tl::unexpected(output.error());
  if (output->exit_status != 0) {
    return environment_error("{}: exit status {}: {}", arguments[0], output->exit_status,
                             first_line(output->standard_error));
  }
  return std::move(output->standard_output);
}

}  // namespace kubeproof
