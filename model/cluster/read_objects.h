// Kubernetes objects as `kubectl get -o json` and `-o yaml` print them: single objects, Lists,
// several documents in a file, several files.
//
// Services, EndpointSlices, Nodes and Pods are read; objects of other kinds are counted and left
// out. Fields that change no packet are not looked at. A wrong type or an impossible value is an
// error that names file, object and field. Where an object occurs twice, the later one replaces
// the earlier, as applying the files in turn would.
#pragma once

#include <string>
#include <vector>

#include "model/cluster/objects.h"
#include "model/result.h"

namespace kubeproof {

// "-" is standard input.
Result<Objects> read_objects(const std::vector<std::string>& files);

}  // namespace kubeproof
