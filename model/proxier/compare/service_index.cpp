#include "model/proxier/compare/service_index.h"

#include <variant>

#include "model/proxier/compare/chain_kinds.h"

namespace kubeproof::proxier {
namespace {

using netfilter::Chain;
using netfilter::CommentMatch;
using netfilter::JumpTarget;
using netfilter::Match;
using netfilter::Rule;
using netfilter::Table;

std::string_view commented_service(const Rule& rule) {
  for (const Match& match : rule.matches) {
    const auto* comment = std::get_if<CommentMatch>(&match);
    if (comment == nullptr) continue;
    if (const auto service = service_of_comment(comment->text); !service.empty()) return service;
  }
  return {};
}

}  // namespace

void ServiceIndex::add(const Table& table) {
  for (const Chain& chain : table.chains) {
    if (!is_service_chain(chain.name)) continue;
    for (const Rule& rule : chain.rules) {
      const auto service = commented_service(rule);
      if (service.empty()) continue;
      services_.emplace(chain.name, service);
      break;
    }
  }
  // Endpoints of large clusters have no comments, nor have frontends of no endpoint in old dumps.
  for (const Chain& chain : table.chains) {
    for (const Rule& rule : chain.rules) {
      const auto* jump = std::get_if<JumpTarget>(&rule.target);
      if (jump == nullptr || !is_service_chain(jump->chain)) continue;
      if (const auto service = service_of(chain.name, rule); !service.empty()) {
        services_.emplace(jump->chain, service);
      }
    }
  }
}

std::string_view ServiceIndex::service_of(std::string_view chain) const {
  const auto found = services_.find(chain);
  return found == services_.end() ? std::string_view() : found->second;
}

std::string_view ServiceIndex::service_of(std::string_view chain, const Rule& rule) const {
  if (const auto service = commented_service(rule); !service.empty()) return service;
  if (const auto service = service_of(chain); !service.empty()) return service;
  const auto* jump = std::get_if<JumpTarget>(&rule.target);
  return jump == nullptr ? std::string_view() : service_of(jump->chain);
}

}  // namespace kubeproof::proxier
