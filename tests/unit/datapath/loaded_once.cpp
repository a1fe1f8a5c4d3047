#include "tests/unit/datapath/loaded_once.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <utility>

#include "tests/unit/datapath/tested_programs.h"

namespace kubeproof {
namespace {

struct Idle {
  MapSizes sizes;
  bool xdp;
  Datapath datapath;
};

std::optional<Idle>& idle() {
  static std::optional<Idle> one;
  return one;
}

}  // namespace

Result<Datapath> take_datapath(const MapSizes& sizes, bool xdp) {
  if (auto last = std::exchange(idle(), std::nullopt);
      last && last->sizes == sizes && last->xdp == xdp) {
    return std::move(last->datapath);
  }
  return Datapath::load({.sizes = sizes, .object_file = tested_programs(), .xdp = xdp});
}

void return_datapath(Datapath datapath, const MapSizes& sizes, bool xdp) {
  datapath.observe_writes({});
  datapath.trace(false);
  datapath.drain_trace([](const abi::trace_record&) {});
  datapath.set_clock(1, 0);
  datapath.seed_random(0);
  datapath.forget_packets();
  idle().emplace(Idle{sizes, xdp, std::move(datapath)});
}

int map_of(const Datapath& datapath, const std::string& name) {
  std::array<uint32_t, 64> ids{};
  bpf_prog_info program{};
  program.nr_map_ids = ids.size();
  program.map_ids = reinterpret_cast<uint64_t>(ids.data());
  uint32_t size = sizeof program;
  if (bpf_obj_get_info_by_fd(datapath.ingress_program(), &program, &size) != 0) return -1;
  for (uint32_t i = 0; i < program.nr_map_ids; ++i) {
    const int fd = bpf_map_get_fd_by_id(ids.at(i));
    bpf_map_info info{};
    size = sizeof info;
    if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 && name == info.name) return fd;
    close(fd);
  }
  return -1;
}

}  // namespace kubeproof
