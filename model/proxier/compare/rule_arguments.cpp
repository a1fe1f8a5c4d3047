#include "model/proxier/compare/rule_arguments.h"

#include <algorithm>
#include <utility>

#include "model/netfilter/rules_text.h"
#include "model/netfilter/save_text/line_words.h"

namespace kubeproof::proxier {
namespace {

using netfilter::LineWord;
using netfilter::Rule;

// An option, and what belongs to it: its values and its negation.
using Argument = std::pair<std::string, std::string>;

std::vector<Argument> arguments_of(const Rule& rule, Family family) {
  const std::string text = to_text("C", rule, family);
  netfilter::LineWords words;
  const auto cut = words.cut(text);
  std::vector<Argument> arguments;
  if (!cut) return arguments;
  bool negated = false;
  for (size_t i = 2; i < (*cut)->size(); ++i) {  // without "-A C"
    const LineWord& word = (**cut)[i];
    if (word.is("!")) {
      negated = true;
    } else if (!word.quoted && word.text.starts_with('-') && word.text != "-") {
      arguments.emplace_back(word.text, negated ? "!" : "");
      negated = false;
    } else if (!arguments.empty()) {
      arguments.back().second += ' ';
      arguments.back().second += word.text;
    }
  }
  return arguments;
}

void add_missing(const std::vector<Argument>& of, const std::vector<Argument>& from,
                 std::vector<std::string>& names) {
  for (const Argument& argument : of) {
    if (std::find(from.begin(), from.end(), argument) != from.end()) continue;
    // A module alone is named by its options.
    const bool known = std::find(names.begin(), names.end(), argument.first) != names.end();
    if (!known && argument.first != "-m") names.push_back(argument.first);
  }
}

}  // namespace

std::vector<std::string> differing_arguments(const Rule& expected, const Rule& found,
                                             Family family) {
  const auto here = arguments_of(expected, family);
  const auto there = arguments_of(found, family);
  std::vector<std::string> names;
  add_missing(here, there, names);
  add_missing(there, here, names);
  // The same arguments in another order, or only a module more: all that can be said.
  if (names.empty()) names.emplace_back("-m");
  return names;
}

}  // namespace kubeproof::proxier
