// What is done once for a snapshot: reading objects, making rules, loading the reference and the
// maps. Told for each service: it must not grow with their number.
#include <benchmark/benchmark.h>

#include <fstream>
#include <string>
#include <utility>

#include "datapath/control/datapath.h"
#include "model/cluster/read_objects.h"
#include "model/netfilter/rules_text.h"
#include "model/proxier/make_rules.h"
#include "replay/engine/reference.h"
#include "tests/bench/bench_cluster.h"
#include "tests/bench/registration.h"
#include "tests/temporary_folder.h"

namespace kubeproof {
namespace {

constexpr size_t kEndpoints = 10;

void tell_each_service(benchmark::State& state, size_t services) {
  state.counters["each"] = static_cast<double>(services);
}

void read_json(benchmark::State& state, size_t services) {
  const TemporaryFolder folder;
  const std::string path = folder.file("cluster.json");
  std::ofstream(path) << bench_objects_as_json(services, kEndpoints);
  for ([[maybe_unused]] auto iteration : state) {
    const auto objects = read_objects({path});
    if (!objects) return state.SkipWithError(objects.error().message.c_str());
    if (objects->cluster.services.size() != services) {
      return state.SkipWithError("not every service was read");
    }
  }
  tell_each_service(state, services);
}

void make_rules_of(benchmark::State& state, size_t services) {
  const Configuration configuration = bench_configuration(services, kEndpoints);
  for ([[maybe_unused]] auto iteration : state) {
    auto rules =
        make_rules(Family::kIpv4, configuration.world, configuration.cluster, configuration.proxy);
    if (!rules) return state.SkipWithError(rules.error().message.c_str());
    benchmark::DoNotOptimize(rules);
  }
  tell_each_service(state, services);
}

void print_rules_of(benchmark::State& state, size_t services) {
  const Configuration configuration = bench_configuration(services, kEndpoints);
  const auto rules =
      make_rules(Family::kIpv4, configuration.world, configuration.cluster, configuration.proxy);
  if (!rules) return state.SkipWithError(rules.error().message.c_str());
  for ([[maybe_unused]] auto iteration : state) {
    benchmark::DoNotOptimize(netfilter::to_text(*rules));
  }
  tell_each_service(state, services);
}

void program_reference(benchmark::State& state, size_t services) {
  const Configuration configuration = bench_configuration(services, kEndpoints);
  for ([[maybe_unused]] auto iteration : state) {
    Reference reference;
    if (const auto programmed = reference.program(configuration); !programmed) {
      return state.SkipWithError(programmed.error().message.c_str());
    }
  }
  tell_each_service(state, services);
}

void program_datapath(benchmark::State& state, size_t services) {
  const Configuration configuration = bench_configuration(services, kEndpoints);
  for ([[maybe_unused]] auto iteration : state) {
    state.PauseTiming();
    auto datapath = Datapath::load();
    if (!datapath) return state.SkipWithError(datapath.error().message.c_str());
    state.ResumeTiming();
    const auto programmed =
        datapath->program(configuration.world, configuration.cluster, configuration.proxy);
    if (!programmed) return state.SkipWithError(programmed.error().message.c_str());
  }
  tell_each_service(state, services);
}

// One service of the many gets other endpoints.
void update_datapath(benchmark::State& state, size_t services) {
  Configuration configuration = bench_configuration(services, kEndpoints);
  auto datapath = Datapath::load();
  if (!datapath) return state.SkipWithError(datapath.error().message.c_str());
  EndpointSlice& changing = configuration.cluster.endpoint_slices.begin()->second;
  const auto program = [&] {
    return datapath->program(configuration.world, configuration.cluster, configuration.proxy);
  };
  if (const auto programmed = program(); !programmed) {
    return state.SkipWithError(programmed.error().message.c_str());
  }
  for ([[maybe_unused]] auto iteration : state) {
    std::swap(changing.endpoints.front().addresses, changing.endpoints.back().addresses);
    changing.endpoints.front().ready = !changing.endpoints.front().ready;
    if (const auto programmed = program(); !programmed) {
      return state.SkipWithError(programmed.error().message.c_str());
    }
  }
}

}  // namespace

void register_cluster() {
  for (const size_t services : kServiceCounts) {
    const auto one = [=](const char* what, auto run) {
      register_benchmark(name_with_services(what, services), [=](benchmark::State& state) {
        run(state, services);
      })->Unit(benchmark::kMillisecond);
    };
    one("cluster/read_json", read_json);
    one("cluster/make_rules", make_rules_of);
    one("cluster/print_rules", print_rules_of);
    one("cluster/program_reference", program_reference);
    one("cluster/program_datapath", program_datapath);
    one("cluster/update_datapath", update_datapath);
  }
}

}  // namespace kubeproof
