#include "model/netfilter/hook.h"

namespace kubeproof::netfilter {

std::string_view to_string(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return "PREROUTING";
    case Hook::kInput:
      return "INPUT";
    case Hook::kForward:
      return "FORWARD";
    case Hook::kOutput:
      return "OUTPUT";
    case Hook::kPostrouting:
      break;
  }
  return "POSTROUTING";
}

}  // namespace kubeproof::netfilter
