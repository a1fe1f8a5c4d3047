// The bundled captures, and the program on them.
#pragma once

#include <string>
#include <vector>

#include "model/snapshot/snapshot.h"
#include "replay/engine/child_process.h"

namespace kubeproof::lab {

// Where they are, seen from the root of the sources: the folder that the program runs in here.
inline constexpr const char* kFolder = "corpus/lab/";

SnapshotFiles snapshot_files();
std::vector<std::string> captures();

// kubeproof COMMAND on the lab's node, its captures and what else is asked.
ChildOutput run(const std::string& command, const std::vector<std::string>& options = {});

}  // namespace kubeproof::lab
