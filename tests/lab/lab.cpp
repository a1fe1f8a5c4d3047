#include "tests/lab/lab.h"

#include <filesystem>

namespace kubeproof::lab {
namespace {

std::string in_folder(const char* file) {
  return std::string(kFolder) + file;
}

}  // namespace

SnapshotFiles snapshot_files() {
  SnapshotFiles files;
  files.cluster = {in_folder("cluster.yaml")};
  files.node = "node-a";
  files.proxy_config = in_folder("kube-proxy.yaml");
  files.interfaces = in_folder("node-a-addr.json");
  files.routes = {in_folder("node-a-route.json"), in_folder("node-a-route6.json")};
  return files;
}

std::vector<std::string> captures() {
  return {in_folder("node-a.pcap"), in_folder("node-a-host.pcap")};
}

ChildOutput run(const std::string& command, const std::vector<std::string>& options) {
  const SnapshotFiles files = snapshot_files();
  std::vector<std::string> arguments = {
      KUBEPROOF_PROGRAM,   command,  "--cluster", files.cluster.front(), "--proxy-config",
      *files.proxy_config, "--node", files.node,  "--interfaces",        *files.interfaces};
  for (const std::string& routes : files.routes)
    arguments.insert(arguments.end(), {"--routes", routes});
  for (const std::string& capture : captures())
    arguments.insert(arguments.end(), {"--pcap", capture});
  arguments.insert(arguments.end(), options.begin(), options.end());
  return run_child(arguments, "").value();
}

}  // namespace kubeproof::lab
