#include "replay/session/session.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "replay/report/merge_reports.h"

namespace kubeproof {
namespace {

// A departure of which the capture does not tell the interface.
constexpr uint32_t kUnknownInterface = std::numeric_limits<uint32_t>::max();

size_t count_endpoints(const Cluster& cluster) {
  size_t endpoints = 0;
  for (const auto& [key, slice] : cluster.endpoint_slices) endpoints += slice.endpoints.size();
  return endpoints;
}

}  // namespace

Session::Session(Configuration configuration)
    : configuration_(std::move(configuration)), classifier_(configuration_.world) {
  classifier_.update(configuration_.cluster);
}

Result<std::unique_ptr<Session>> Session::start(Configuration configuration,
                                                std::vector<EngineChoice> engines,
                                                const OracleFactory& make_oracle) {
  std::unique_ptr<Session> session(new Session(std::move(configuration)));
  for (EngineChoice& choice : engines) {
    auto added = session->add_column(std::move(choice), make_oracle);
    if (!added) return tl::unexpected(added.error());
  }
  return session;
}

Result<void> Session::add_column(EngineChoice choice, const OracleFactory& make_oracle) {
  if (choice.required) required_.push_back(choice.name);
  if (choice.engine) {
    columns_.push_back(std::make_unique<Column>(std::move(*choice.engine), make_oracle(),
                                                configuration_.world, classifier_,
                                                std::move(choice.ledger)));
    return columns_.back()->start(configuration_);
  }
  ColumnReport report;
  report.name = choice.name;
  report.status = ColumnStatus::kSkipped;
  report.reason = choice.engine.error().message;
  report.required = choice.required;
  not_run_.push_back(std::move(report));
  return {};
}

Result<void> Session::check_captured(std::unique_ptr<Oracle> oracle) {
  captured_check_ = std::make_unique<CapturedCheck>(std::move(oracle), configuration_.world);
  captured_tally_ =
      std::make_unique<Tally>("captured", configuration_.world, classifier_, FateClass::kStayed);
  return captured_check_->program(configuration_);
}

void Session::explain(bool on) {
  for (const auto& column : columns_) column->explain(on);
}

void Session::advance(std::chrono::nanoseconds duration) {
  now_ += duration;
  for (const auto& column : columns_) column->advance(duration);
  if (captured_check_) captured_check_->advance(duration);
}

void Session::set_cluster(Cluster cluster) {
  configuration_.cluster = std::move(cluster);
  classifier_.update(configuration_.cluster);
  for (const auto& column : columns_) column->program(configuration_);
  if (!captured_check_) return;
  const auto programmed = captured_check_->program(configuration_);
  if (!programmed) captured_tally_->broke_down(programmed.error().message);
}

void Session::packet(const Injection& injection, const PacketSource& source) {
  for (const auto& column : columns_) {
    column->permit(injection);
    column->take(source);
  }
}

void Session::captured(const CapturedPacket& captured, const PacketSource& source) {
  for (const auto& column : columns_) column->take_captured(captured, source);
  if (!captured_tally_ || captured_tally_->report().status != ColumnStatus::kRan) return;
  const Judged* judged = captured_check_ ? captured_check_->check(captured) : nullptr;
  if (judged == nullptr) {
    captured_tally_->count_not_shown();
    return;
  }
  captured_fate_.clear();
  for (const CapturedPacket::Departure& departure : captured.departures) {
    const Place place = departure.loopback ? Place::sockets()
                                           : Place{departure.interface.value_or(kUnknownInterface)};
    captured_fate_.add_emission(place, departure.packet);
  }
  captured_tally_->count({captured.ingress, captured.packet, 0}, captured_fate_, *judged, source);
}

void Session::converse(const ConversationPlan& plan, const PacketSource& source,
                       OpeningWatch* watch) {
  for (const auto& column : columns_) {
    Conversation(*column, configuration_.world, plan, source).run(watch);
  }
}

bool Session::any_runs() const {
  if (captured_tally_ && captured_tally_->report().status == ColumnStatus::kRan) return true;
  return std::any_of(columns_.begin(), columns_.end(),
                     [](const auto& column) { return column->runs(); });
}

uint64_t Session::divergences() const {
  uint64_t count = captured_tally_ ? captured_tally_->report().diverge : 0;
  for (const auto& column : columns_) count += column->divergences();
  return count;
}

void Session::report_into(Report& report) const {
  Report own;
  own.node = configuration_.world.node_name;
  own.services = configuration_.cluster.services.size();
  own.endpoints = count_endpoints(configuration_.cluster);
  for (const auto& column : columns_) {
    own.engines.push_back(column->report());
    own.engines.back().required =
        std::find(required_.begin(), required_.end(), column->name()) != required_.end();
  }
  own.engines.insert(own.engines.end(), not_run_.begin(), not_run_.end());
  if (captured_tally_) own.captured = captured_tally_->report();
  merge_into(report, std::move(own));
}

}  // namespace kubeproof
