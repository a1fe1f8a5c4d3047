#include "model/cluster/input_file.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace kubeproof {
namespace {

Result<InputFile> read_all(std::FILE* file, const std::string& name, std::string_view expected) {
  InputFile read{name, {}};
  std::array<char, 65536> buffer{};
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), file)) {
    if (std::memchr(buffer.data(), 0, count) != nullptr) {
      return bad_input("{}: not text, expected {}", name, expected);
    }
    read.text.append(buffer.data(), count);
  }
  if (std::ferror(file) == 0) return read;
  if (errno == EISDIR) return bad_input("{}: a directory, expected {}", name, expected);
  return bad_input("{}: {}", name, std::strerror(errno));
}

}  // namespace

Result<InputFile> read_input_file(const std::string& file, std::string_view expected) {
  if (file == "-") return read_all(stdin, "standard input", expected);
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> opened(std::fopen(file.c_str(), "rb"),
                                                               std::fclose);
  if (opened == nullptr) return bad_input("{}: {}", file, std::strerror(errno));
  return read_all(opened.get(), file, expected);
}

}  // namespace kubeproof
