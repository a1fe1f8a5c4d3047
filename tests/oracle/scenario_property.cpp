#include "tests/oracle/scenario_property.h"

#include <rapidcheck.h>
#include <rapidcheck/detail/TestListenerAdapter.h>

#include <ostream>

#include "replay/explore/simplify.h"

namespace kubeproof::explore {

// RapidCheck wants to print what failed; the check has told it by then.
void showValue(const Scenario& scenario, std::ostream& os) {
  os << "scenario " << scenario.seed;
}

namespace {

// What chance decides in the kernel may hide a failure from one run.
constexpr int kAttemptsAtSimpler = 2;

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
  BoundedCheck(const PropertyOptions& options, const ScenarioCheck& check)
      : left_(options.simplifications), check_(check) {}

  bool holds(const Scenario& scenario) {
    if (!reason_) return !(reason_ = check_(scenario));
    for (int attempt = 0; attempt < kAttemptsAtSimpler; ++attempt) {
      if (left_ == 0) return true;
      --left_;
      if (check_(scenario) == reason_) return false;
    }
    return true;
  }

  const std::optional<std::string>& reason() const { return reason_; }

 private:
  size_t left_;
  const ScenarioCheck& check_;
  std::optional<std::string> reason_;
};

std::optional<std::string> check_property(rc::Gen<Scenario> scenarios, size_t count,
                                          const PropertyOptions& options,
                                          const ScenarioCheck& check) {
  BoundedCheck bounded(options, check);
  rc::detail::TestParams params;
  params.seed = options.seed;
  params.maxSuccess = static_cast<int>(count);
  const auto property = rc::detail::toProperty([&] { RC_ASSERT(bounded.holds(*scenarios)); });
  rc::detail::TestListenerAdapter silent;
  (void)rc::detail::checkProperty(property, rc::detail::TestMetadata(), params, silent, {});
  return bounded.reason();
}

}  // namespace

std::optional<std::string> find_failure(const PropertyOptions& options,
                                        const ScenarioCheck& check) {
  const rc::Gen<Scenario> scenarios = [options](const rc::Random& random, int) {
    rc::Random source = random;
    return rc::shrinkable::shrinkRecur(
        generate_scenario(source.next(), options.size, options.kinds), &simpler);
  };
  return check_property(scenarios, options.scenarios, options, check);
}

std::optional<std::string> find_failure_in(uint64_t scenario_seed, const PropertyOptions& options,
                                           const ScenarioCheck& check) {
  const rc::Gen<Scenario> scenario = [&](const rc::Random&, int) {
    return rc::shrinkable::shrinkRecur(
        generate_scenario(scenario_seed, options.size, options.kinds), &simpler);
  };
  return check_property(scenario, 1, options, check);
}

}  // namespace kubeproof::explore
