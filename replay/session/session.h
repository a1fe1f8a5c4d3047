// A run: one node and its snapshot, the engines under test side by side, and the steps that all of
// them are taken through. Every engine has a reference of its own, which follows its choices.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/result.h"
#include "replay/capture/captured_packet.h"
#include "replay/compare/captured.h"
#include "replay/engine/engine.h"
#include "replay/report/report.h"
#include "replay/session/column.h"
#include "replay/session/conversation.h"
#include "replay/session/opening_watch.h"
#include "replay/session/packet_source.h"
#include "replay/session/traffic_classifier.h"

namespace kubeproof {

// An engine that was chosen, or why this machine cannot run it.
struct EngineChoice {
  std::string name;
  bool required = false;  // without it the run is incomplete
  Result<std::unique_ptr<Engine>> engine;
  Ledger ledger = Ledger({});  // of the deviations that are accepted of it
};

using OracleFactory = std::function<std::unique_ptr<Oracle>()>;

class Session {
 public:
  // Programs every engine; one for which the machine lacks something takes no further part. Fails
  // where the configuration itself is wrong.
  static Result<std::unique_ptr<Session>> start(Configuration configuration,
                                                std::vector<EngineChoice> engines,
                                                const OracleFactory& make_oracle);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Holds the reference to what captures show of the captured node, too.
  Result<void> check_captured(std::unique_ptr<Oracle> oracle);
  // The captures of this run show of no packet what became of it: packets are counted, no reference
  // follows them.
  void captures_show_no_fates() { captured_check_.reset(); }

  void explain(bool on);

  // The virtual clock, for what is written down: a run of captures begins when they were made.
  void begin_at(std::chrono::nanoseconds since_the_epoch) { now_ = since_the_epoch; }
  std::chrono::nanoseconds now() const { return now_; }

  // Steps.
  void advance(std::chrono::nanoseconds duration);
  void set_cluster(Cluster cluster);
  void packet(const Injection& injection, const PacketSource& source);
  void captured(const CapturedPacket& captured, const PacketSource& source);
  void converse(const ConversationPlan& plan, const PacketSource& source,
                OpeningWatch* watch = nullptr);

  const Configuration& configuration() const { return configuration_; }
  std::vector<std::unique_ptr<Column>>& columns() { return columns_; }
  // How many there are by now, of all engines and of the captured node.
  uint64_t divergences() const;
  // Whether a further step would be of use: to an engine, or to what is held to a capture.
  bool any_runs() const;

  // Adds what this session found to a report, engine by engine.
  void report_into(Report& report) const;

 private:
  explicit Session(Configuration configuration);
  Result<void> add_column(EngineChoice choice, const OracleFactory& make_oracle);

  Configuration configuration_;
  TrafficClassifier classifier_;
  std::vector<std::unique_ptr<Column>> columns_;
  std::vector<ColumnReport> not_run_;
  std::vector<std::string> required_;
  std::unique_ptr<CapturedCheck> captured_check_;
  std::unique_ptr<Tally> captured_tally_;
  Fate captured_fate_;
  std::chrono::nanoseconds now_{};
};

}  // namespace kubeproof
