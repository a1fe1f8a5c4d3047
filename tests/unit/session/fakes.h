// Engines and oracles that do what the test says.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/packet/translate.h"
#include "replay/engine/engine.h"
#include "replay/session/session.h"
#include "tests/unit/compare/compare_fixture.h"

namespace kubeproof {

using Behaviour = std::function<void(const Injection&, Fate&)>;

class FakeEngine final : public Engine {
 public:
  FakeEngine(std::string name, Behaviour behaviour)
      : name_(std::move(name)), behaviour_(std::move(behaviour)) {}

  std::string_view name() const override { return name_; }
  Result<void> program(const Configuration&) override { return {}; }
  Result<void> inject(const Injection& injection, Fate& fate) override {
    if (broken) return environment_error("the kernel went away");
    fate.clear();
    behaviour_(injection, fate);
    if (explaining) fate.trace = {"as the test says"};
    return {};
  }
  Result<void> advance(std::chrono::nanoseconds duration) override {
    advanced += duration;
    return {};
  }
  void explain(bool on) override { explaining = on; }

  bool broken = false;
  bool explaining = false;
  std::chrono::nanoseconds advanced{};

 private:
  std::string name_;
  Behaviour behaviour_;
};

// Permits exactly what `behaviour` does, with `decorate` applied to the outcome.
class FakeOracle final : public Oracle {
 public:
  using Decoration = std::function<void(const Injection&, Outcome&)>;
  explicit FakeOracle(Behaviour behaviour, Decoration decorate = {})
      : behaviour_(std::move(behaviour)), decorate_(std::move(decorate)) {}

  Result<void> program(const Configuration&) override { return {}; }
  void advance(std::chrono::nanoseconds) override {}
  std::span<const Outcome> evaluate(const Injection& injection) override {
    Fate fate;
    behaviour_(injection, fate);
    offered_.assign(1, Outcome{});
    for (const Emission& emission : fate) {
      offered_[0].emissions.push_back(permitted(emission.place, emission.packet));
    }
    if (decorate_) decorate_(injection, offered_[0]);
    return offered_;
  }
  std::optional<std::string> commit(std::span<const OutcomeMatch>) override { return std::nullopt; }
  void explain(bool) override {}

 private:
  Behaviour behaviour_;
  Decoration decorate_;
  std::vector<Outcome> offered_;
};

// The service 10.96.0.10:80 with the pod 10.180.0.1:8080 behind it, translated without state.
inline void translate_service(const Injection& injection, Fate& fate) {
  static const SocketAddress kService = *SocketAddress::parse("10.96.0.10:80");
  static const SocketAddress kPod = *SocketAddress::parse("10.180.0.1:8080");
  Bytes packet(injection.packet.begin(), injection.packet.end());
  auto view = parse_packet(packet);
  Place out = kUplink;
  if (view->destination_endpoint() == kService) {
    rewrite_destination(packet, *view, kPod);
    out = kPod1;
  } else if (view->source_endpoint() == kPod) {
    rewrite_source(packet, *view, kService);
  }
  if (!injection.ingress.is_host()) decrement_ttl(packet, *view);
  fate.add_emission(out, packet);
}

inline Configuration small_configuration() {
  Configuration configuration;
  configuration.world = small_world();
  Service service;
  service.key = {"default", "web"};
  service.cluster_ip = "10.96.0.10";
  ServicePort port;
  port.port = 80;
  port.node_port = 30080;
  service.ports.push_back(port);
  service.external_ips = {"192.0.2.7"};
  LoadBalancerIngress balancer;
  balancer.ip = "192.0.2.8";
  service.load_balancer_ingress.push_back(balancer);
  configuration.cluster.services[service.key] = service;
  return configuration;
}

}  // namespace kubeproof
