// Who wants to see the opening packet of each conversation: to hold it to an expectation, to count
// what engines choose.
#pragma once

#include <span>
#include <string_view>

#include "model/node/fate.h"

namespace kubeproof {

class OpeningWatch {
 public:
  OpeningWatch() = default;
  OpeningWatch(const OpeningWatch&) = delete;
  OpeningWatch& operator=(const OpeningWatch&) = delete;
  virtual ~OpeningWatch() = default;

  // What the reference that follows this engine permits, before the engine is given the packet.
  virtual void permitted(std::string_view engine, const Injection& injection,
                         std::span<const Outcome> outcomes) = 0;

  // What the engine did with that packet. Not called for an engine that broke down over it.
  virtual void taken(std::string_view engine, const Injection& injection, const Fate& fate) = 0;
};

}  // namespace kubeproof
