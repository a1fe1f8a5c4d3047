#include "model/netfilter/save_text/rule_words.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace kubeproof::netfilter {
namespace {

// The options of the tools themselves, and the short name of each.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kOwnOptions = {{
    {"--append", "-A"},
    {"--source", "-s"},
    {"--src", "-s"},
    {"--destination", "-d"},
    {"--dst", "-d"},
    {"--in-interface", "-i"},
    {"--out-interface", "-o"},
    {"--protocol", "-p"},
    {"--proto", "-p"},
    {"--fragment", "-f"},
    {"--match", "-m"},
    {"--jump", "-j"},
    {"--goto", "-g"},
    {"--set-counters", "-c"},
    {"--fragments", "-f"},
    {"--insert", "-I"},
    {"--delete", "-D"},
}};

std::string_view short_name(std::string_view option) {
  const auto found = std::find_if(kOwnOptions.begin(), kOwnOptions.end(),
                                  [&](const auto& each) { return each.first == option; });
  return found == kOwnOptions.end() ? option : found->second;
}

// Any of the tools' own options, by its short name.
bool is_own(std::string_view name) {
  return name.size() == 2 && name[0] == '-' && name[1] != '-';
}

// Takes a value that may look like an option, without quotes: the comment "--".
bool is_text_option(std::string_view name) {
  constexpr std::array<std::string_view, 7> kTextOptions = {
      "--comment",      "--log-prefix", "--name",      "--nfacct-name",
      "--nflog-prefix", "--string",     "--hex-string"};
  return std::find(kTextOptions.begin(), kTextOptions.end(), name) != kTextOptions.end();
}

class RuleSplitter {
 public:
  explicit RuleSplitter(const std::vector<LineWord>& words) : words_(words) {}

  Result<RuleWords> split() {
    if (auto done = read_start(); !done) return tl::unexpected(done.error());
    while (at_ < words_.size()) {
      if (auto done = read_next(); !done) return tl::unexpected(done.error());
    }
    return std::move(rule_);
  }

 private:
  const LineWord* peek() const { return at_ < words_.size() ? &words_[at_] : nullptr; }

  // The word after an option that needs one.
  Result<std::string_view> value_of(std::string_view option) {
    const LineWord* word = peek();
    if (word == nullptr) return bad_input("expected a value after {}", option);
    ++at_;
    return word->text;
  }

  // "[packets:bytes]" where counters were asked for, then "-A CHAIN".
  Result<void> read_start() {
    if (const LineWord* word = peek(); word != nullptr && word->text.starts_with('[')) ++at_;
    const LineWord* word = peek();
    const std::string_view command = word == nullptr ? "" : short_name(word->text);
    if (command != "-A") {
      return bad_input("expected '-A CHAIN', found '{}'", word == nullptr ? "" : word->text);
    }
    ++at_;
    auto chain = value_of("-A");
    if (!chain) return tl::unexpected(chain.error());
    rule_.chain = *chain;
    return {};
  }

  // What the tools print of an extension that they know by a revision of another kernel alone.
  bool at_unsupported_revision() const {
    return at_ + 1 < words_.size() && words_[at_].is("[unsupported") &&
           words_[at_ + 1].is("revision]");
  }

  Result<void> read_next() {
    const size_t begin = at_;
    if (current() != nullptr && at_unsupported_revision()) {
      at_ += 2;
      current()->options.push_back({"[unsupported revision]", false, {}});
      append_text(begin);
      return {};
    }
    const bool negated = words_[at_].is("!");
    if (negated) ++at_;
    const LineWord* word = peek();
    if (word == nullptr) return bad_input("expected an option after '!'");
    ++at_;
    const bool extensions_own = word->is("--proto") && in_match("policy");
    const std::string_view name = word->quoted     ? std::string_view()
                                  : extensions_own ? std::string_view(word->text)
                                                   : short_name(word->text);
    if (is_own(name)) return read_own(name, negated, begin);
    if (!name.starts_with("--")) return bad_input("expected an option, found '{}'", word->text);
    return read_extension_option(name, negated, begin);
  }

  Result<void> read_own(std::string_view name, bool negated, size_t begin) {
    if (name == "-m" || name == "-j" || name == "-g") return open_extension(name, negated, begin);
    if (name == "-c") {
      at_ = std::min(at_ + 2, words_.size());
      return {};
    }
    RuleOption option{name, negated, {}};
    if (name == "-s" || name == "-d" || name == "-i" || name == "-o" || name == "-p") {
      auto value = value_of(name);
      if (!value) return tl::unexpected(value.error());
      option.values.push_back(*value);
    } else if (name != "-f") {
      return bad_input("expected an option that a rule can have, found '{}'", name);
    }
    const bool again = std::any_of(rule_.head.begin(), rule_.head.end(),
                                   [&](const RuleOption& each) { return each.name == name; });
    if (again) return bad_input("expected {} once", name);
    rule_.head.push_back(std::move(option));
    return {};
  }

  Result<void> open_extension(std::string_view name, bool negated, size_t begin) {
    if (negated) return bad_input("expected an option that can be negated, found '! {}'", name);
    auto value = value_of(name);
    if (!value) return tl::unexpected(value.error());
    RuleExtension extension;
    extension.name = *value;
    extension.is_goto = name == "-g";
    if (name == "-m") {
      rule_.matches.push_back(std::move(extension));
      in_target_ = false;
    } else {
      if (rule_.target) return bad_input("expected one target, found '{} {}'", name, *value);
      rule_.target = std::move(extension);
      in_target_ = true;
    }
    append_text(begin);
    return {};
  }

  Result<void> read_extension_option(std::string_view name, bool negated, size_t begin) {
    RuleExtension* extension = current();
    if (extension == nullptr) {
      // An option of the protocol's match, which then needs not be named.
      const auto protocol = std::find_if(rule_.head.begin(), rule_.head.end(),
                                         [](const RuleOption& each) { return each.name == "-p"; });
      if (protocol == rule_.head.end()) return bad_input("expected -m MATCH before {}", name);
      extension = &rule_.matches.emplace_back();
      extension->name = protocol->values[0];
      extension->implied = true;
    }
    RuleOption option{name, negated, {}};
    if (is_text_option(name)) {
      auto value = value_of(name);
      if (!value) return tl::unexpected(value.error());
      option.values.push_back(*value);
    }
    while (const LineWord* word = peek()) {
      const bool is_value = word->quoted || (!word->text.starts_with("-") && word->text != "!");
      // Numbers below zero are values too.
      const bool is_number = word->text.size() > 1 && word->text[0] == '-' &&
                             word->text[1] >= '0' && word->text[1] <= '9';
      if (!is_value && !is_number) break;
      option.values.emplace_back(word->text);
      ++at_;
    }
    extension->options.push_back(std::move(option));
    append_text(begin);
    return {};
  }

  bool in_match(std::string_view name) const {
    return !in_target_ && !rule_.matches.empty() && rule_.matches.back().name == name;
  }

  RuleExtension* current() {
    if (in_target_) return &*rule_.target;
    return rule_.matches.empty() ? nullptr : &rule_.matches.back();
  }

  // The words from `begin` on up to here are the current extension's.
  void append_text(size_t begin) {
    std::string& text = current()->text;
    for (size_t i = begin; i < at_; ++i) {
      if (!text.empty()) text += ' ';
      text += words_[i].source;
    }
  }

  const std::vector<LineWord>& words_;
  size_t at_ = 0;
  bool in_target_ = false;
  RuleWords rule_;
};

}  // namespace

Result<RuleWords> split_rule(const std::vector<LineWord>& words) {
  return RuleSplitter(words).split();
}

}  // namespace kubeproof::netfilter
