#include "replay/fuzz/scenario_property.h"

#include <fmt/format.h>
#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include <algorithm>
#include <ostream>
#include <utility>

#include "replay/explore/simplify.h"

namespace kubeproof::explore {

// RapidCheck wants to print what failed; the check has told it by then.
void showValue(const Scenario& scenario, std::ostream& os) {
  os << "scenario " << scenario.seed;
}

namespace {

using Clock = std::chrono::steady_clock;

// What chance decides in the kernel may hide a failure from one run. Short scenarios are run soon
// again.
constexpr size_t kFewestAttempts = 2;
constexpr size_t kMostAttempts = 8;
constexpr size_t kStepsForAttempts = 80;
constexpr std::chrono::seconds kBetweenReports{5};

// RapidCheck asks for simpler scenarios one by one, of a copy of the sequence; Simplifications has
// a state of its own.
class SimplerSequence {
 public:
  explicit SimplerSequence(Scenario scenario) : from_(std::move(scenario)) {}
  SimplerSequence(const SimplerSequence& other) : from_(other.from_), given_(other.given_) {}
  SimplerSequence& operator=(const SimplerSequence&) = delete;
  ~SimplerSequence() = default;

  rc::Maybe<Scenario> operator()() {
    if (!simplifications_) {
      simplifications_.emplace(from_);
      for (size_t i = 0; i < given_; ++i) (void)simplifications_->next();
    }
    auto next = simplifications_->next();
    ++given_;
    if (!next) return rc::Nothing;
    return std::move(*next);
  }

 private:
  Scenario from_;
  size_t given_ = 0;
  std::optional<Simplifications> simplifications_;
};

rc::Seq<Scenario> simpler(const Scenario& scenario) {
  return rc::makeSeq<SimplerSequence>(scenario);
}

// A failure that turns into another one on the way would lead to a case of something else.
class BoundedCheck {
 public:
  BoundedCheck(std::string reason, const SimplifyLimits& limits, const ScenarioCheck& check,
               const std::function<void(const std::string&)>& progress)
      : reason_(std::move(reason)), limits_(limits), check_(check), progress_(progress) {}

  // The first scenario, the failed one, was seen to fail: chance is not to take that back.
  bool holds(const Scenario& scenario) {
    if (!std::exchange(begun_, true)) return false;
    const size_t tries = std::clamp(kStepsForAttempts / std::max<size_t>(scenario.steps.size(), 1),
                                    kFewestAttempts, kMostAttempts);
    for (size_t attempt = 0; attempt < tries; ++attempt) {
      if (attempts_ == limits_.attempts || Clock::now() > begin_ + limits_.time) return true;
      ++attempts_;
      if (check_(scenario) == reason_) {
        report(scenario);
        return false;
      }
    }
    return true;
  }

 private:
  void report(const Scenario& simplest) {
    if (Clock::now() < reported_ + kBetweenReports) return;
    reported_ = Clock::now();
    progress_(fmt::format("{} attempts: down to {} steps of {} flows", attempts_,
                          simplest.steps.size(), simplest.flows.size()));
  }

  std::string reason_;
  SimplifyLimits limits_;
  const ScenarioCheck& check_;
  const std::function<void(const std::string&)>& progress_;
  bool begun_ = false;
  size_t attempts_ = 0;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point reported_ = begin_;
};

}  // namespace

void simplify(const Scenario& failed, const std::string& reason, const SimplifyLimits& limits,
              const ScenarioCheck& check, const std::function<void(const std::string&)>& progress) {
  BoundedCheck bounded(reason, limits, check, progress);
  const rc::Gen<Scenario> scenarios = [&](const rc::Random&, int) {
    return rc::shrinkable::shrinkRecur(Scenario(failed), &simpler);
  };
  const auto property = rc::detail::toProperty([&] { RC_ASSERT(bounded.holds(*scenarios)); });
  rc::detail::TestParams params;
  params.maxSuccess = 1;
  rc::detail::TestListenerAdapter silent;
  (void)rc::detail::checkProperty(property, rc::detail::TestMetadata(), params, silent, {});
}

}  // namespace kubeproof::explore
