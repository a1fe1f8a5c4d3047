// Files that the user names, read whole.
#pragma once

#include <string>
#include <string_view>

#include "model/result.h"

namespace kubeproof {

struct InputFile {
  std::string name;  // for messages
  std::string text;
};

// "-" is standard input. A file that turns out to be no text is given up at once, with what was
// expected of it ("JSON or YAML"): it may be large, or endless.
Result<InputFile> read_input_file(const std::string& file, std::string_view expected);

}  // namespace kubeproof
