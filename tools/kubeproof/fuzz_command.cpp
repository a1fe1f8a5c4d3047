// kubeproof fuzz: engines on generated clusters, traffic and changes.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "model/cluster/duration_text.h"
#include "replay/fuzz/fuzz.h"
#include "tools/kubeproof/command_line.h"
#include "tools/kubeproof/engine_options.h"
#include "tools/kubeproof/report_options.h"

namespace kubeproof {
namespace {

using explore::FuzzHost;
using explore::FuzzPlan;
using explore::TrafficKinds;

constexpr std::string_view kDefaultTime = "60s";

struct FuzzOptions {
  EngineOptions engines;
  ReportOptions report;
  std::optional<std::string> time;
  std::optional<uint64_t> cases;
  std::optional<uint64_t> seed;
  std::optional<uint64_t> only;
  std::optional<std::string> shard;
  std::vector<std::string> without;
  std::vector<std::string> with;
  std::optional<std::string> save;
  size_t failures = 10;
};

struct NamedKind {
  std::string_view name;
  bool TrafficKinds::*member;
};

constexpr std::array kKinds = {
    NamedKind{"sctp", &TrafficKinds::sctp},
    NamedKind{"fragments", &TrafficKinds::fragments},
    NamedKind{"options", &TrafficKinds::options},
    NamedKind{"cut", &TrafficKinds::cut},
    NamedKind{"defects", &TrafficKinds::defects},
    NamedKind{"damage", &TrafficKinds::damage},
    NamedKind{"queries", &TrafficKinds::queries},
    NamedKind{"icmp-errors", &TrafficKinds::icmp_errors},
    NamedKind{"out-of-place", &TrafficKinds::out_of_place},
    NamedKind{"strangers", &TrafficKinds::strangers},
    NamedKind{"marks", &TrafficKinds::marks},
    NamedKind{"time", &TrafficKinds::time},
    NamedKind{"oddities", &TrafficKinds::oddities},
    NamedKind{"groups", &TrafficKinds::groups},
    NamedKind{"worlds", &TrafficKinds::worlds},
    NamedKind{"corners", &TrafficKinds::corners},
};

std::string names_of_kinds() {
  std::string names;
  for (const NamedKind& kind : kKinds) {
    names += (names.empty() ? "" : ", ") + std::string(kind.name);
  }
  return names;
}

Result<void> set_kinds(std::string_view option, const std::vector<std::string>& names, bool on,
                       FuzzPlan& plan) {
  for (const std::string& name : names) {
    const auto found = std::find_if(kKinds.begin(), kKinds.end(),
                                    [&](const NamedKind& kind) { return kind.name == name; });
    if (found == kKinds.end()) {
      return bad_input("{}: no kind of traffic is called '{}'; there are {}", option, name,
                       names_of_kinds());
    }
    plan.kinds.*found->member = on;
  }
  return {};
}

Result<void> read_kinds(const FuzzOptions& options, FuzzPlan& plan) {
  auto set = set_kinds("--with", options.with, true, plan);
  if (set) set = set_kinds("--without", options.without, false, plan);
  return set;
}

// "2/8".
Result<void> read_shard(std::string_view text, FuzzPlan& plan) {
  const size_t slash = text.find('/');
  const auto number = [](std::string_view digits, uint64_t& value) {
    const char* end = digits.data() + digits.size();
    const auto read = std::from_chars(digits.data(), end, value);
    return !digits.empty() && read.ec == std::errc() && read.ptr == end;
  };
  if (slash == std::string_view::npos || !number(text.substr(0, slash), plan.shard) ||
      !number(text.substr(slash + 1), plan.shards) || plan.shard == 0 || plan.shard > plan.shards) {
    return bad_input("--shard: '{}' is not I/N with I from 1 to N", text);
  }
  return {};
}

Result<FuzzPlan> plan_of(const FuzzOptions& options) {
  FuzzPlan plan;
  // Of no use to know beforehand, but told, so that the run can be repeated.
  plan.seed = options.seed ? *options.seed : std::random_device()();
  plan.only = options.only;
  plan.failures = options.failures;
  if (options.cases) plan.cases = *options.cases;
  if (options.time || !options.cases) {
    const std::string text = options.time.value_or(std::string(kDefaultTime));
    const auto time = parse_duration(text);
    if (!time) return bad_input("--time: '{}' is not a duration, such as 90s, 10m or 8h", text);
    plan.time = *time;
  }
  if (auto read = read_kinds(options, plan); !read) return tl::unexpected(read.error());
  if (options.shard) {
    if (auto read = read_shard(*options.shard, plan); !read) return tl::unexpected(read.error());
  }
  if (options.save) {
    plan.save = *options.save;
    std::error_code error;
    std::filesystem::create_directories(*plan.save, error);
    if (error) return bad_input("--save: {}: {}", *options.save, error.message());
  }
  return plan;
}

int run_fuzz(const FuzzOptions& options) {
  const auto plan = plan_of(options);
  if (!plan) return fail(plan.error());
  ProgressLine progress;
  std::string kinds;
  for (const std::string& kind : options.with) kinds += " --with " + kind;
  for (const std::string& kind : options.without) kinds += " --without " + kind;
  FuzzHost host;
  host.make_engines = [&] { return options.engines.make(); };
  host.make_engine = [&](const std::string& name) { return options.engines.make_one(name); };
  host.run_command = [&](const std::string& engine, const std::string& file) {
    return fmt::format("kubeproof run {} {}", options.engines.arguments_for(engine), file);
  };
  host.fuzz_command = [&](const std::string& engine, uint64_t number) {
    return fmt::format("kubeproof fuzz {} --seed {} --only {}{}",
                       options.engines.arguments_for(engine), plan->seed, number, kinds);
  };
  host.progress = [&](const std::string& line) { progress.show(line); };
  const auto report = explore::fuzz(*plan, host);
  progress.clear();
  if (!report) return fail(report.error());
  return options.report.print(*report);
}

}  // namespace

void add_fuzz_command(CLI::App& program, int& status) {
  auto options = std::make_shared<FuzzOptions>();
  CLI::App* command = program.add_subcommand(
      "fuzz", "Hold the engines to kube-proxy's rules on generated clusters and traffic");
  command
      ->add_option("--time", options->time,
                   fmt::format("For how long: 90s, 10m, 8h (default: {}, unless --cases says)",
                               kDefaultTime))
      ->type_name("T");
  command->add_option("--cases", options->cases, "How many cases")->type_name("N");
  command->add_option("--seed", options->seed, "The same cases again (default: drawn, and printed)")
      ->type_name("S");
  command->add_option("--shard", options->shard, "Of all cases of that seed, the Ith of every N")
      ->type_name("I/N");
  command->add_option("--only", options->only, "The case of this number alone")
      ->type_name("NUMBER")
      ->check(CLI::PositiveNumber);
  command->add_option("--failures", options->failures, "So many different failures end the run")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      ->add_option("--without", options->without,
                   "Kinds of traffic to leave out: " + names_of_kinds())
      ->type_name("KIND[,KIND…]")
      ->delimiter(',');
  command
      ->add_option(
          "--with", options->with,
          "Kinds that come up only where asked for: oddities, and groups, which the built-in\n"
          "programs are known to treat otherwise (datapath/README.md)")
      ->type_name("KIND[,KIND…]")
      ->delimiter(',');
  command->add_option("--save", options->save, "Leave a case here for each failure, made simple")
      ->type_name("DIR");
  options->engines.add_to(*command);
  options->report.add_to(*command);
  command->footer(
      "Each case is a node, a few states of a cluster, and some hundred packets: conversations,\n"
      "packets out of place, errors, any bytes at all. The engines take it one after the other,\n"
      "each followed by a reference of its own.\n\n"
      "Exit status: 0 equivalent, 1 a divergence, 2 bad usage or input, 3 cannot run here.");
  command->callback([options, &status] { status = run_fuzz(*options); });
}

}  // namespace kubeproof
