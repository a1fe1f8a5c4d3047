#include "tests/unit/datapath/loaded_once.h"

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

}  // namespace kubeproof
