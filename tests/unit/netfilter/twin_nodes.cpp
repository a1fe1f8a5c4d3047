#include "tests/unit/netfilter/twin_nodes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>
#include <utility>

#include "model/netfilter/interpreter.h"
#include "model/netfilter/rules_text.h"
#include "replay/engine/belief.h"
#include "tests/unit/engine/small_world.h"
#include "tests/unit/netfilter/rule_builder.h"

namespace kubeproof::netfilter {

class InterpretedNode final : public Oracle {
 public:
  explicit InterpretedNode(const World& world) : interpreter_(world) {}

  Result<void> load(const Ruleset& rules) {
    return interpreter_.load(std::make_shared<const Ruleset>(rules));
  }
  Result<void> program(const Configuration&) override { return {}; }
  void advance(std::chrono::nanoseconds duration) override { now_ += duration; }
  std::span<const Outcome> evaluate(const Injection& injection) override {
    return belief_.evaluate(interpreter_, injection, now_);
  }
  std::optional<std::string> commit(std::span<const OutcomeMatch> matches) override {
    return belief_.commit(matches, now_);
  }
  void explain(bool on) override { interpreter_.explain(on); }

  // The flows of a state that is possible.
  std::vector<Connection> flows() {
    std::vector<Connection> flows;
    belief_.change_flows([&](const FlowState& state) {
      flows.clear();
      state.connections.visit_all([&](auto, const Connection& connection) {
        if (connection.deadline > now_) flows.push_back(connection);
      });
    });
    return flows;
  }
  Instant now() const { return now_; }

 private:
  Interpreter interpreter_;
  Belief belief_;
  // Not at the beginning of time, as no kernel is.
  Instant now_ = std::chrono::hours(1);
};

namespace {

struct Flow {
  std::string text;
  int64_t seconds_left = 0;
};

std::string flow_text(int protocol, const SocketAddress& from, const SocketAddress& to,
                      const SocketAddress& reply_from, const SocketAddress& reply_to,
                      std::vector<std::string_view> marks) {
  return fmt::format("{} {} > {}, replies {} > {} {}", protocol, from.to_string(), to.to_string(),
                     reply_from.to_string(), reply_to.to_string(), fmt::join(marks, " "));
}

std::vector<std::string_view> marks(bool replied, bool assured, bool source, bool destination) {
  std::vector<std::string_view> marks;
  if (replied) marks.emplace_back("replied");
  if (assured) marks.emplace_back("assured");
  if (source) marks.emplace_back("SNAT");
  if (destination) marks.emplace_back("DNAT");
  return marks;
}

Flow flow_of(const TrackedFlow& flow) {
  const auto has = [&](uint32_t bit) { return (flow.status & bit) != 0; };
  return {
      flow_text(flow.protocol, flow.original.source, flow.original.destination, flow.reply.source,
                flow.reply.destination,
                marks(has(IPS_SEEN_REPLY), has(IPS_ASSURED), has(IPS_SRC_NAT), has(IPS_DST_NAT))),
      flow.seconds_left};
}

Flow flow_of(const Connection& flow, Instant now) {
  const Instant left = flow.deadline - now;
  return {flow_text(flow.original.protocol, flow.original.source_endpoint(),
                    flow.original.destination_endpoint(), flow.reply.source_endpoint(),
                    flow.reply.destination_endpoint(),
                    marks(flow.seen_reply, flow.assured, flow.source_nat, flow.destination_nat)),
          std::chrono::duration_cast<std::chrono::seconds>(left).count()};
}

void sort(std::vector<Flow>& flows) {
  std::sort(flows.begin(), flows.end(),
            [](const Flow& a, const Flow& b) { return a.text < b.text; });
}

std::string text(const std::vector<Flow>& flows) {
  std::string all;
  for (const Flow& flow : flows)
    all += fmt::format("{}, {} s left\n", flow.text, flow.seconds_left);
  return all;
}

}  // namespace

TwinNodes::TwinNodes()
    : world_(small_world()),
      ipv4_(ruleset_with({TableName::kFilter, TableName::kNat})),
      ipv6_(ruleset_with({TableName::kFilter, TableName::kNat}, Family::kIpv6)) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    for (const char* hook : {"INPUT", "FORWARD", "OUTPUT"}) {
      chain(TableName::kFilter, hook, family) = {RuleBuilder().states(kStateInvalid).drop()};
    }
  }
}

TwinNodes::~TwinNodes() = default;

std::vector<Rule>& TwinNodes::chain(TableName table, const std::string& name, Family family) {
  return chain_of(family == Family::kIpv4 ? ipv4_ : ipv6_, table, name);
}

void TwinNodes::load() {
  if (!kernel_) {
    auto kernel = NetfilterNode::create(world_, IptablesVariant::kLegacy);
    ASSERT_TRUE(kernel) << kernel.error().message;
    kernel_ = std::move(*kernel);
    auto interpreted = std::make_unique<InterpretedNode>(world_);
    interpreted_ = interpreted.get();
    follower_ = std::make_unique<Follower>(std::move(interpreted), world_);
  }
  for (const Ruleset* rules : {&ipv4_, &ipv6_}) {
    const auto loaded = kernel_->load_rules(rules->family, to_text(*rules));
    ASSERT_TRUE(loaded) << loaded.error().message;
    const auto compiled = interpreted_->load(*rules);
    ASSERT_TRUE(compiled) << compiled.error().message;
  }
}

const Fate& TwinNodes::send(uint32_t ingress, const Bytes& packet) {
  if (!kernel_) load();
  if (HasFatalFailure()) return fate_;
  const Injection injection{.ingress = {ingress}, .packet = packet};
  const auto injected = kernel_->inject(injection, fate_);
  EXPECT_TRUE(injected) << injected.error().message;
  const Judged& judged = follower_->follow(injection, fate_);
  std::string difference;
  for (const DifferencePart& part : judged.disagreement.difference.parts) {
    difference += part.text + '\n';
  }
  EXPECT_EQ(judged.judgement, Judgement::kAgrees)
      << describe_packet(packet) << fmt::format("\n{:02x}\n", fmt::join(packet, "")) << difference
      << "\nkernel: " << judged.disagreement.seen
      << "\ninterpreter: " << fmt::format("{}", fmt::join(judged.disagreement.permitted, "\n"))
      << '\n'
      << fmt::format("{}", fmt::join(judged.disagreement.rules, "\n"));
  return fate_;
}

void TwinNodes::send_all(uint32_t ingress, const std::vector<Bytes>& packets) {
  for (const Bytes& packet : packets) send(ingress, packet);
}

void TwinNodes::advance(uint32_t seconds) {
  const auto aged = kernel_->age(seconds);
  ASSERT_TRUE(aged) << aged.error().message;
  follower_->advance(std::chrono::seconds(seconds));
}

void TwinNodes::wait(std::chrono::milliseconds duration) {
  std::this_thread::sleep_for(duration);
  follower_->advance(duration);
}

void TwinNodes::expect_same_flows() {
  const auto listed = kernel_->conntrack().list();
  ASSERT_TRUE(listed) << listed.error().message;
  std::vector<Flow> kernel;
  for (const TrackedFlow& flow : *listed) kernel.push_back(flow_of(flow));
  std::vector<Flow> interpreted;
  for (const Connection& flow : interpreted_->flows()) {
    interpreted.push_back(flow_of(flow, interpreted_->now()));
  }
  sort(kernel);
  sort(interpreted);
  const bool same =
      std::equal(kernel.begin(), kernel.end(), interpreted.begin(), interpreted.end(),
                 [](const Flow& a, const Flow& b) {
                   return a.text == b.text && std::abs(a.seconds_left - b.seconds_left) <= 2;
                 });
  EXPECT_TRUE(same) << "kernel:\n" << text(kernel) << "interpreter:\n" << text(interpreted);
}

}  // namespace kubeproof::netfilter
