// The options that say which cluster, node and configuration a command is about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/packet/address.h"
#include "model/snapshot/snapshot.h"
#include "replay/engine/engine.h"

namespace CLI {
class App;
}

namespace kubeproof {

class SnapshotOptions {
 public:
  void add_to(CLI::App& command);

  // What the options name, read.
  Result<Snapshot> read() const;

 private:
  SnapshotFiles files_;
  std::optional<std::string> case_;  // in place of all of them
};

// What engines are programmed with. `traffic`: sources that the node must know, of captures.
Result<Configuration> configure(const Snapshot& snapshot, const std::vector<IpAddress>& traffic);

// What is odd about the objects, one line each on stderr: for commands whose output has no place
// for it.
void tell_notes(const Snapshot& snapshot);

}  // namespace kubeproof
