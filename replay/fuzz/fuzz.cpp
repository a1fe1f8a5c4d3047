#include "replay/fuzz/fuzz.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "replay/case/read_case.h"
#include "replay/case/write_case.h"
#include "replay/explore/random.h"
#include "replay/fuzz/play_against.h"
#include "replay/fuzz/scenario_property.h"
#include "replay/report/merge_reports.h"
#include "replay/run/run_case.h"

namespace kubeproof::explore {
namespace {

using Clock = std::chrono::steady_clock;

std::unique_ptr<Oracle> make_reference() {
  return std::make_unique<Reference>();
}

// A scenario as one engine took it.
struct Taken {
  std::optional<ScenarioFailure> failure;
  ColumnReport column;
};

class FuzzRun {
 public:
  FuzzRun(const FuzzPlan& plan, const FuzzHost& host) : plan_(plan), host_(host) {
    report_.command = "fuzz";
    report_.fuzz = FuzzFigures{plan.seed, 0, plan.shard, plan.shards, {}};
  }

  Result<Report> run() {
    Random seeds(plan_.seed);
    for (uint64_t number = 1; !at_its_end(); ++number) {
      const uint64_t seed = seeds.next();
      if (plan_.only) {
        if (number < *plan_.only) continue;
      } else if ((number - 1) % plan_.shards != plan_.shard - 1) {
        continue;
      }
      if (auto played = one_case(number, seed); !played) return tl::unexpected(played.error());
      if (plan_.only || !any_runs_) break;
    }
    report_.fuzz->time = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - begin_);
    return std::move(report_);
  }

 private:
  bool at_its_end() const {
    return report_.fuzz->cases >= plan_.cases || reasons_.size() >= plan_.failures ||
           Clock::now() - begin_ >= plan_.time;
  }

  Result<void> one_case(uint64_t number, uint64_t seed) {
    tell(fmt::format("case {}, {} packets so far", number, packets_));
    const Scenario scenario = generate_scenario(seed, plan_.size, plan_.kinds);
    auto choices = host_.make_engines();
    if (!choices) return tl::unexpected(choices.error());
    any_runs_ = false;
    for (EngineChoice& choice : *choices) {
      if (!choice.engine) {
        skip(choice);
        continue;
      }
      any_runs_ = true;
      const Ledger ledger = choice.ledger;
      Taken taken = play(scenario, choice, fmt::format("case {}", number));
      choice.engine = environment_error("done");  // its successor may have what it held
      taken.column.required = choice.required;
      if (taken.failure) {
        if (auto told = failed(scenario, choice, number, taken); !told) return told;
      }
      packets_ += taken.column.packets;
      Report part;
      part.engines.push_back(std::move(taken.column));
      merge_into(report_, std::move(part));
    }
    ++report_.fuzz->cases;
    return {};
  }

  void skip(const EngineChoice& choice) {
    Report part;
    ColumnReport& column = part.engines.emplace_back();
    column.name = choice.name;
    column.status = ColumnStatus::kSkipped;
    column.reason = choice.engine.error().message;
    column.required = choice.required;
    merge_into(report_, std::move(part));
  }

  static Taken play(const Scenario& scenario, EngineChoice& choice, std::string name) {
    Taken taken;
    taken.column.name = choice.name;
    Audience audience;
    audience.column = &taken.column;
    audience.name = std::move(name);
    taken.failure = play_against(scenario, **choice.engine, choice.ledger, audience);
    if (taken.failure && taken.failure->reason == kMachinery) {
      taken.column.status = ColumnStatus::kFailed;
      taken.column.reason = taken.failure->text;
    }
    return taken;
  }

  // With a fresh engine; empty where that cannot be made.
  std::optional<Taken> play_anew(const Scenario& scenario, const std::string& engine,
                                 std::string name, bool explain) {
    auto choices = host_.make_engine(engine);
    if (!choices || choices->size() != 1 || !choices->front().engine) return std::nullopt;
    (*choices->front().engine)->explain(explain);
    return play(scenario, choices->front(), std::move(name));
  }

  // Of each kind of failure the first is made simpler.
  Result<void> failed(const Scenario& scenario, const EngineChoice& choice, uint64_t number,
                      Taken& taken) {
    const std::string reason = taken.failure->reason;
    if (reason == kMachinery) return {};
    if (!reasons_.insert(choice.name + ": " + reason).second) return {};
    tell(fmt::format("case {}, {}: {}; making it simpler", number, choice.name, reason));
    Scenario simplest = scenario;
    simplest.steps.resize(std::min(taken.failure->step + 1, simplest.steps.size()));
    const std::string name = fmt::format("case {} made simpler", number);
    Taken last = std::move(taken);
    taken.column = last.column;
    const auto check = [&](const Scenario& attempt) -> std::optional<std::string> {
      auto again = play_anew(attempt, choice.name, name, false);
      if (!again || !again->failure || again->failure->reason != reason) return std::nullopt;
      last = *std::move(again);
      simplest = attempt;
      return reason;
    };
    simplify(Scenario(simplest), reason, {}, check, [&](const std::string& line) {
      tell(fmt::format("case {}, {}: {}", number, choice.name, line));
    });
    auto explained = play_anew(simplest, choice.name, name, true);
    if (explained && explained->failure && explained->failure->reason == reason) {
      last = *std::move(explained);
    }
    if (last.column.divergences.empty() || taken.column.divergences.empty()) return {};
    DivergenceReport& told = taken.column.divergences.back();
    told = std::move(last.column.divergences.back());
    told.scenario = last.failure->scenario;
    return save(choice.name, number, *last.failure, told);
  }

  // A case that does not show the failure again when it is read and run is not kept.
  Result<void> save(const std::string& engine, uint64_t number, const ScenarioFailure& failure,
                    DivergenceReport& told) {
    told.case_command = host_.fuzz_command(engine, number);
    if (!plan_.save) return {};
    Case recorded = failure.recorded;
    recorded.name = fmt::format("{}-seed-{}-case-{}", engine, plan_.seed, number);
    recorded.description = failure.reason;
    recorded.tags = {"fuzz"};
    const std::string file = (*plan_.save / (recorded.name + ".json")).string();
    if (auto written = write_case(recorded, file); !written) return written;
    if (!shows(file, engine)) {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
      return {};
    }
    told.case_file = file;
    told.case_command = host_.run_command(engine, file);
    return {};
  }

  bool shows(const std::string& file, const std::string& engine) const {
    const auto one = read_case(file);
    if (!one) return false;
    const auto ran = run_case_once(
        *one, [&] { return host_.make_engine(engine); }, make_reference);
    return ran && verdict_of(*ran) == RunVerdict::kDivergent;
  }

  void tell(const std::string& line) const {
    if (host_.progress) host_.progress(line);
  }

  const FuzzPlan& plan_;
  const FuzzHost& host_;
  Clock::time_point begin_ = Clock::now();
  Report report_;
  std::set<std::string> reasons_;
  uint64_t packets_ = 0;
  bool any_runs_ = true;
};

}  // namespace

Result<Report> fuzz(const FuzzPlan& plan, const FuzzHost& host) {
  return FuzzRun(plan, host).run();
}

}  // namespace kubeproof::explore
