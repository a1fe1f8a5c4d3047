#include "replay/fuzz/play_against.h"

#include <fmt/ranges.h>

#include <memory>
#include <utility>

#include "model/packet/packet_view.h"
#include "replay/compare/follower.h"
#include "replay/engine/reference.h"
#include "replay/explore/case_recorder.h"
#include "replay/explore/player.h"
#include "replay/report/merge_reports.h"
#include "replay/session/tally.h"
#include "replay/session/traffic_classifier.h"

namespace kubeproof::explore {
namespace {

constexpr uint64_t kPacketsBetweenLooks = 256;

std::string_view verb(const PacketView& in, const Fate& fate) {
  if (fate.dropped()) return "dropped";
  const auto out = parse_packet(fate[0].packet);
  if (!out) return "garbled";
  if (is_icmp_error(*out) && !is_icmp_error(in)) return "answered";
  return fate[0].place.is_sockets() ? "delivered" : "forwarded";
}

std::string_view conntrack_state(std::span<const std::string> trace) {
  constexpr std::string_view kConntrack = "conntrack ";
  for (const std::string_view line : trace) {
    if (!line.starts_with(kConntrack)) continue;
    const std::string_view state = line.substr(kConntrack.size());
    return state.substr(0, state.find(' '));
  }
  return "no conntrack";
}

// Of the failures of one kind, one is enough to look at.
std::string kind_of(const Injection& injection, const Fate& fate, const Judged& judged) {
  const Disagreement& told = judged.disagreement;
  if (told.difference.parts.empty()) return "undecided";
  const std::string_view kind = to_string(told.difference.parts[0].kind);
  const auto in = parse_packet(injection.packet);
  if (!in) return fmt::format("{} of an unreadable packet", kind);
  return fmt::format("{} of {} {}{} at {}, {}: {}, should have been {}", kind,
                     to_string(in->family), protocol_of(*in),
                     in->has_icmp ? fmt::format(" type {}", in->icmp_type) : "",
                     injection.ingress.is_host() ? "the host" : "an interface",
                     conntrack_state(told.rules), verb(*in, fate), verb(*in, told.nearest));
}

class ReferenceStage : public Stage {
 public:
  ReferenceStage(const Scenario& scenario, Engine& engine, Ledger ledger, const Audience& audience)
      : scenario_(scenario),
        engine_(engine),
        audience_(audience),
        classifier_(scenario.world),
        tally_(std::string(engine.name()), scenario.world, classifier_),
        follower_(std::make_unique<Reference>(), scenario.world, std::move(ledger)),
        recorder_(scenario) {
    follower_.explain(audience.figures != nullptr);
  }

  bool program(const Cluster& cluster) override {
    recorder_.program(cluster);
    classifier_.update(cluster);
    if (audience_.figures != nullptr) audience_.figures->program(scenario_, cluster);
    const Configuration configuration{scenario_.world, cluster, scenario_.proxy};
    return check(engine_.program(configuration)) && check(follower_.program(configuration));
  }

  bool advance(std::chrono::seconds duration) override {
    recorder_.advance(duration);
    follower_.advance(duration);
    return check(engine_.advance(duration));
  }

  bool packet(const Injection& injection, Fate& fate) override {
    recorder_.packet(injection);
    const auto permitted = follower_.permit(injection);
    const bool unknown = says_nothing(permitted);
    if (!check(engine_.inject(injection, fate))) return false;
    if (audience_.figures != nullptr) {
      audience_.figures->count(scenario_, injection, fate, permitted);
    }
    const Judged& judged = follower_.judge(fate);
    if (audience_.column != nullptr) tally_.count(injection, fate, judged, source());
    if (judged.judgement == Judgement::kAgrees || judged.judgement == Judgement::kDeviates ||
        (judged.judgement == Judgement::kUndecided && unknown)) {
      return ++packets_ % kPacketsBetweenLooks != 0 || look();
    }
    tell(injection, fate, judged);
    return false;
  }

  // After all else, whether it was played to its end or not.
  void finish() {
    if (audience_.column == nullptr) return;
    tally_.set_deviations(follower_.ledger());
    merge_column(*audience_.column, tally_.report());
  }

  void step(size_t number) override { step_ = number; }

  bool check(const Result<void>& result) {
    if (!result) fail(kMachinery, result.error().message + "\n");
    return result.has_value();
  }

  std::optional<ScenarioFailure>& failure() { return failure_; }

 private:
  PacketSource source() const {
    PacketSource source;
    source.input = audience_.name;
    source.step = step_ + 1;
    return source;
  }

  bool look() {
    return audience_.figures == nullptr || check(audience_.watch.now_and_then(*audience_.figures));
  }

  void tell(const Injection& injection, const Fate& fate, const Judged& judged) {
    const Disagreement& told = judged.disagreement;
    std::string text =
        fmt::format("step {} {}\n  {} at {}\n  seen      {}\n", step_,
                    describe(scenario_.steps[step_], scenario_), describe_packet(injection.packet),
                    scenario_.world.describe(injection.ingress), told.seen);
    for (const std::string& permitted : told.permitted) text += "  permitted " + permitted + "\n";
    for (const DifferencePart& part : told.difference.parts) {
      text += fmt::format("  {}: {}\n", to_string(part.kind), part.text);
    }
    for (const std::string& rule : told.rules) text += "    " + rule + "\n";
    fail(kind_of(injection, fate, judged), std::move(text));
  }

  void fail(std::string reason, std::string text) {
    if (failure_) return;
    Case recorded = recorder_.finish(fmt::format("scenario-{}", scenario_.seed), text);
    failure_ = ScenarioFailure{std::move(reason), std::move(text), scenario_.describe(),
                               std::move(recorded), step_};
  }

  const Scenario& scenario_;
  Engine& engine_;
  const Audience& audience_;
  TrafficClassifier classifier_;
  Tally tally_;
  Follower follower_;
  CaseRecorder recorder_;
  size_t step_ = 0;
  uint64_t packets_ = 0;
  std::optional<ScenarioFailure> failure_;
};

}  // namespace

std::optional<ScenarioFailure> machinery_failure(const Scenario& scenario, const Error& error) {
  return ScenarioFailure{kMachinery, error.message + "\n", scenario.describe(),
                         CaseRecorder(scenario).finish("machinery", error.message)};
}

std::optional<ScenarioFailure> play_against(const Scenario& scenario, Engine& engine, Ledger ledger,
                                            const Audience& audience) {
  if (audience.figures != nullptr) audience.figures->begin(scenario);
  ReferenceStage stage(scenario, engine, std::move(ledger), audience);
  if (Player(scenario, stage).play()) stage.check(audience.watch.at_the_end());
  stage.finish();
  return std::move(stage.failure());
}

}  // namespace kubeproof::explore
