// One line of iptables-save text as words, cut as iptables-restore cuts it (iptables xshared.c
// add_param_to_argv()): blanks part words, a word may stand in double quotes, and within these a
// backslash takes the next character as it is.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/result.h"

namespace kubeproof::netfilter {

struct LineWord {
  std::string text;
  std::string_view source;  // as it stands in the line, quotes and all
  bool quoted = false;

  // An option or a `!`: a quoted word never is one.
  bool is(std::string_view plain) const { return !quoted && text == plain; }
};

// Cuts line after line; the words are valid until the next line.
class LineWords {
 public:
  Result<const std::vector<LineWord>*> cut(std::string_view line);

 private:
  std::vector<LineWord> words_;
};

}  // namespace kubeproof::netfilter
