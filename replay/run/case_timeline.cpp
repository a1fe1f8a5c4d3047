#include "replay/run/case_timeline.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <variant>

#include "model/packet/packet_view.h"
#include "model/packet/protocol_name.h"
#include "replay/report/merge_reports.h"
#include "replay/session/replay_captures.h"

namespace kubeproof {
namespace {

// Where source ports of flows begin that do not name theirs. Each new flow has its own, so that
// none is taken for a continuation of another; after 25,000 they come again.
constexpr uint16_t kFirstSourcePort = 40000;

struct Describe {
  const World& world;

  std::string operator()(const FlowStep& step) const {
    std::string text = fmt::format("flow from {} ({}) to {}, {}", step.from.to_string(),
                                   world.describe(step.ingress), step.to.to_string(),
                                   protocol_name(step.protocol));
    if (step.repeat != 1) text += fmt::format(", {} times", step.repeat);
    return text;
  }
  std::string operator()(const CaptureStep& step) const {
    std::string names;
    for (const std::string& file : step.files) {
      names += (names.empty() ? "" : ", ") + std::filesystem::path(file).filename().string();
    }
    return "capture " + names;
  }
  std::string operator()(const PacketStep& step) const {
    return fmt::format("packet from {}: {}", world.describe(step.ingress),
                       describe_packet(step.packet));
  }
  std::string operator()(const CapturedStep& step) const {
    return fmt::format("captured packet from {}: {}", world.describe(step.packet.ingress),
                       describe_packet(step.packet.packet));
  }
  std::string operator()(const AdvanceStep& step) const {
    return fmt::format("{} seconds pass", std::chrono::duration<double>(step.duration).count());
  }
  std::string operator()(const ApplyStep& /*step*/) const { return "objects applied"; }
  std::string operator()(const DeleteStep& /*step*/) const { return "objects deleted"; }
};

}  // namespace

std::string describe(const Step& step, const World& world) {
  return std::visit(Describe{world}, step);
}

CaseTimeline::CaseTimeline(const Case& one, Session& session, CaseReport& report)
    : case_(one),
      session_(session),
      report_(report),
      objects_(one.snapshot.objects),
      port_(kFirstSourcePort) {
  source_.input = case_.file;
}

Result<void> CaseTimeline::run() {
  for (const Step& step : case_.steps) {
    ++source_.step;
    told_ = {};
    const uint64_t before = session_.divergences();
    auto done = std::visit([&](const auto& one) { return take(one); }, step);
    if (!done) return done;
    if (told_.failures.empty() && session_.divergences() == before) continue;
    told_.number = source_.step;
    told_.what = describe(step, case_.world);
    report_.failed.push_back(std::move(told_));
  }
  report_.steps = case_.steps.size();
  return {};
}

Result<void> CaseTimeline::take(const FlowStep& step) {
  ConversationPlan plan;
  plan.ingress = step.ingress;
  plan.to = step.to;
  plan.protocol = step.protocol;
  plan.ttl = step.ttl;
  if (step.payload) plan.payload = *step.payload;
  plan.reply = step.reply;
  FlowCheck check(case_.world, step.expect);
  for (uint32_t i = 0; i < step.repeat; ++i) {
    plan.from = {step.from,
                 step.source_port ? static_cast<uint16_t>(*step.source_port + i) : next_port()};
    session_.converse(plan, source_, &check);
  }
  check.conclude();
  report_.expectations += check.checked();
  if (step.expect) told_.expected = describe(*step.expect);
  told_.failures = std::move(check.failures());
  told_.fates = std::move(check.fates());
  return {};
}

Result<void> CaseTimeline::take(const CaptureStep& step) {
  CaptureReplay replay;
  replay.files = step.files;
  replay.import.world_is_the_nodes = case_.snapshot.node.interfaces.has_value();
  replay.source = source_;
  auto counts = replay_captures(session_, replay);
  if (!counts) return tl::unexpected(counts.error());
  Report part;
  part.import = *std::move(counts);
  merge_into(report_.report, std::move(part));
  return {};
}

Result<void> CaseTimeline::take(const PacketStep& step) {
  session_.packet({step.ingress, step.packet, step.mark}, source_);
  return {};
}

Result<void> CaseTimeline::take(const CapturedStep& step) {
  session_.captured(step.packet, source_);
  return {};
}

Result<void> CaseTimeline::take(const AdvanceStep& step) {
  session_.advance(step.duration);
  return {};
}

Result<void> CaseTimeline::take(const ApplyStep& step) {
  objects_.apply(step.objects);
  session_.set_cluster(objects_.cluster);
  return {};
}

Result<void> CaseTimeline::take(const DeleteStep& step) {
  for (const ObjectId& id : step.objects) {
    if (objects_.erase(id)) continue;
    return bad_input("{}: step {}: there is no {} to delete", case_.file, source_.step,
                     id.to_string());
  }
  session_.set_cluster(objects_.cluster);
  return {};
}

uint16_t CaseTimeline::next_port() {
  if (port_ < kFirstSourcePort) port_ = kFirstSourcePort;
  return port_++;
}

}  // namespace kubeproof
