#include "model/proxier/compare/rule_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <variant>

#include "model/netfilter/rules_text.h"
#include "model/proxier/compare/chain_kinds.h"

namespace kubeproof::proxier {
namespace {

using netfilter::CommentMatch;
using netfilter::DestinationPortMatch;
using netfilter::JumpTarget;
using netfilter::Match;
using netfilter::Rule;

// What a rule is recognised by; empty where it has nothing of the kind.
using Key = std::function<std::string(const Rule&)>;

std::string comment_of(const Rule& rule) {
  for (const Match& match : rule.matches) {
    if (const auto* comment = std::get_if<CommentMatch>(&match)) return comment->text;
  }
  return {};
}

std::string frontend_of(const Rule& rule) {
  std::string text;
  if (rule.destination) text += rule.destination->value.to_string();
  for (const Match& match : rule.matches) {
    const auto* port = std::get_if<DestinationPortMatch>(&match);
    if (port != nullptr && rule.protocol) {
      text += fmt::format(" {} {}", rule.protocol->value, port->port);
    }
  }
  return text;
}

std::string target_of(const Rule& rule, Family family) {
  Rule bare;
  bare.target = rule.target;
  return to_text("", bare, family);
}

class Pairing {
 public:
  Pairing(std::span<const Rule> expected, std::span<const Rule> found)
      : expected_(expected), found_(found), met_(expected.size()), taken_(found.size()) {}

  // Pairs what is left and has the same key, first come, first served.
  void pair_by(const Key& key, std::vector<std::pair<size_t, size_t>>& pairs) {
    std::unordered_map<std::string, std::deque<size_t>> by_key;
    for (size_t i = 0; i < found_.size(); ++i) {
      if (taken_[i]) continue;
      if (auto text = key(found_[i]); !text.empty()) by_key[std::move(text)].push_back(i);
    }
    for (size_t i = 0; i < expected_.size(); ++i) {
      if (met_[i]) continue;
      const auto same = by_key.find(key(expected_[i]));
      if (same == by_key.end() || same->second.empty()) continue;
      met_[i] = true;
      taken_[same->second.front()] = true;
      pairs.emplace_back(i, same->second.front());
      same->second.pop_front();
    }
  }

  static std::vector<size_t> left(const std::vector<bool>& paired) {
    std::vector<size_t> left;
    for (size_t i = 0; i < paired.size(); ++i) {
      if (!paired[i]) left.push_back(i);
    }
    return left;
  }
  std::vector<size_t> left_expected() const { return left(met_); }
  std::vector<size_t> left_found() const { return left(taken_); }

 private:
  std::span<const Rule> expected_;
  std::span<const Rule> found_;
  std::vector<bool> met_;
  std::vector<bool> taken_;
};

}  // namespace

RulePairs pair_rules(std::span<const Rule> expected, std::span<const Rule> found, Family family,
                     bool of_all_services) {
  RulePairs pairs;
  Pairing pairing(expected, found);
  pairing.pair_by([&](const Rule& rule) { return to_text("", rule, family); }, pairs.equal);
  // From the surest sign to the weakest.
  const auto both = [](const std::string& a, const std::string& b) {
    return a.empty() || b.empty() ? std::string() : a + "\n" + b;
  };
  const auto target = [&](const Rule& rule) { return target_of(rule, family); };
  const Key keys[] = {
      [&](const Rule& rule) {
        return both(both(comment_of(rule), frontend_of(rule)), target(rule));
      },
      [&](const Rule& rule) { return both(comment_of(rule), target(rule)); },
      [&](const Rule& rule) { return both(comment_of(rule), frontend_of(rule)); },
      frontend_of,
      comment_of,
      [&](const Rule& rule) {
        const auto* jump = std::get_if<JumpTarget>(&rule.target);
        const bool tells = jump != nullptr && is_service_chain(jump->chain);
        return tells || !of_all_services ? target(rule) : std::string();
      },
  };
  for (const Key& key : keys) pairing.pair_by(key, pairs.similar);
  std::sort(pairs.similar.begin(), pairs.similar.end());
  pairs.only_expected = pairing.left_expected();
  pairs.only_found = pairing.left_found();
  return pairs;
}

}  // namespace kubeproof::proxier
