#include "model/netfilter/save_text/line_words.h"

#include <cstddef>

namespace kubeproof::netfilter {
namespace {

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

}  // namespace

Result<const std::vector<LineWord>*> LineWords::cut(std::string_view line) {
  words_.clear();
  size_t at = 0;
  while (true) {
    while (at < line.size() && is_blank(line[at])) ++at;
    if (at == line.size()) return &words_;
    LineWord& word = words_.emplace_back();
    const size_t begin = at;
    // The first quote opens, the next ends the word; what stands before it belongs to the word.
    while (at < line.size() && !is_blank(line[at]) && line[at] != '"') word.text += line[at++];
    if (at < line.size() && line[at] == '"') {
      word.quoted = true;
      for (++at; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\' && at + 1 < line.size()) ++at;
        word.text += line[at];
      }
      if (at == line.size()) return bad_input("expected a closing quote at the end of the line");
      ++at;
    }
    word.source = line.substr(begin, at - begin);
  }
}

}  // namespace kubeproof::netfilter
