#include "tools/kubeproof/find_cases.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "replay/case/read_case.h"

namespace kubeproof {
namespace {

namespace fs = std::filesystem;

bool may_be_case(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".json" || extension == ".yaml" || extension == ".yml";
}

Result<std::vector<std::string>> files_below(const std::string& folder) {
  std::vector<std::string> files;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    if (it->is_regular_file(error) && may_be_case(it->path())) files.push_back(it->path().string());
  }
  if (error) return bad_input("{}: {}", folder, error.message());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

Result<FoundCases> find_cases(const std::vector<std::string>& paths) {
  FoundCases found;
  for (const std::string& path : paths) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      found.files.push_back(path);
      continue;
    }
    const auto files = files_below(path);
    if (!files) return tl::unexpected(files.error());
    const size_t before = found.files.size();
    for (const std::string& file : *files) {
      const auto is_one = is_case(file);
      if (!is_one) return tl::unexpected(is_one.error());
      (*is_one ? found.files : found.passed_over).push_back(file);
    }
    if (found.files.size() == before) {
      return bad_input("{}: no cases (*.json, *.yaml with a field kubeproof) in this folder", path);
    }
  }
  return found;
}

}  // namespace kubeproof
