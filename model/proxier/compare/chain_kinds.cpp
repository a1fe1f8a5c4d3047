#include "model/proxier/compare/chain_kinds.h"

#include <algorithm>
#include <array>

namespace kubeproof::proxier {
namespace {

template <size_t Size>
bool contains(const std::array<std::string_view, Size>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

bool is_proxy_chain(std::string_view chain) {
  constexpr std::array<std::string_view, 4> kFixed = {"KUBE-FORWARD", "KUBE-MARK-MASQ",
                                                      "KUBE-POSTROUTING", "KUBE-PROXY-CANARY"};
  return contains(kFixed, chain) || chain == "KUBE-FIREWALL" || is_dispatch_chain(chain) ||
         is_service_chain(chain);
}

bool is_service_chain(std::string_view chain) {
  // KUBE-XLB- was KUBE-EXT- up to 1.23.
  constexpr std::array<std::string_view, 6> kPrefixes = {"KUBE-SVC-", "KUBE-SVL-", "KUBE-EXT-",
                                                         "KUBE-FW-",  "KUBE-SEP-", "KUBE-XLB-"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return chain.starts_with(prefix); });
}

bool is_dispatch_chain(std::string_view chain) {
  constexpr std::array<std::string_view, 4> kDispatch = {"KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS",
                                                         "KUBE-PROXY-FIREWALL", "KUBE-SERVICES"};
  return contains(kDispatch, chain);
}

// The first word with a slash: names of namespaces and services have none.
std::string_view service_of_comment(std::string_view comment) {
  while (!comment.empty()) {
    const size_t end = comment.find(' ');
    const std::string_view word = comment.substr(0, end);
    if (word.find('/') != std::string_view::npos) return word;
    comment = end == std::string_view::npos ? "" : comment.substr(end + 1);
  }
  return {};
}

}  // namespace kubeproof::proxier
