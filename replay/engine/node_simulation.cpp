#include "replay/engine/node_simulation.h"

#include <fmt/format.h>

#include <utility>

#include "model/node/ip_header.h"
#include "model/packet/checksum.h"

namespace kubeproof {
namespace {

// The kernel gives up on a packet that programs send in circles (XMIT_RECURSION_LIMIT, 8 transmits
// deep); this bounds all that comes of one packet.
constexpr size_t kMostSteps = 64;

// A frame that is shorter than the least that Ethernet carries is padded, and goes on so from XDP:
// its packet ends before.
void drop_padding(Bytes& packet) {
  constexpr size_t kLeastPayload = 46;
  if (packet.size() > kLeastPayload || packet.size() < kIpv4HeaderSize) return;
  const bool ipv4 = family_of(packet) == Family::kIpv4;
  const size_t length = ipv4 ? load16(packet, 2) : kIpv6HeaderSize + load16(packet, 4);
  if (length < packet.size()) packet.resize(length);
}

}  // namespace

NodeSimulation::NodeSimulation(const World& world, HookPrograms& programs)
    : world_(world), programs_(programs), routes_(world), stack_(world, routes_) {
  for (const Interface& one : world.interfaces) interfaces_.emplace(one.index, &one);
}

Result<void> NodeSimulation::inject(const Injection& injection, Fate& fate) {
  fate.clear();
  steps_ = 0;
  others_.clear();
  first_.packet.assign(injection.packet.begin(), injection.packet.end());
  first_.mark = injection.mark;
  first_.route = KnownRoute::kNone;
  first_.from_here = false;
  first_.options = {};
  if (injection.ingress.is_host()) {
    first_.stage = Stage::kHostOutput;
    first_.at = nullptr;
    first_.received_at = 0;
  } else {
    first_.stage = Stage::kXdp;
    first_.at = interface(injection.ingress.interface);
    first_.received_at = injection.ingress.interface;
    if (first_.at == nullptr) {
      return bad_input("no interface of the node has index {}", injection.ingress.interface);
    }
  }
  if (auto done = travel(first_, fate); !done) return done;
  while (!others_.empty()) {
    Traveller next = std::move(others_.front());
    others_.pop_front();
    if (auto done = travel(next, fate); !done) return done;
  }
  return {};
}

Result<void> NodeSimulation::travel(Traveller& traveller, Fate& fate) {
  while (traveller.stage != Stage::kGone) {
    if (++steps_ > kMostSteps) {
      drop(traveller, "sent in circles", fate);
      break;
    }
    switch (traveller.stage) {
      case Stage::kXdp:
        if (auto run = run_hook(traveller, Hook::kXdp, fate); !run) return run;
        break;
      case Stage::kTcIngress:
        if (auto run = run_hook(traveller, Hook::kTcIngress, fate); !run) return run;
        break;
      case Stage::kStackInput:
        stack_input(traveller, fate);
        break;
      case Stage::kHostOutput:
        host_output(traveller, fate);
        break;
      case Stage::kStackOutput:
        stack_output(traveller, fate);
        break;
      case Stage::kTcEgress:
        if (auto run = run_hook(traveller, Hook::kTcEgress, fate); !run) return run;
        break;
      case Stage::kTransmit:
        transmit(traveller, fate);
        break;
      case Stage::kGone:
        break;
    }
  }
  return {};
}

Result<void> NodeSimulation::run_hook(Traveller& traveller, Hook hook, Fate& fate) {
  const HookInput input{.hook = hook,
                        .interface = traveller.at,
                        .received_at = traveller.received_at,
                        .looped_back = traveller.from_here,
                        .mark = traveller.mark,
                        .cb = std::exchange(traveller.cb, {}),
                        .packet = traveller.packet};
  auto output = programs_.run(input, explain_ ? &fate.trace : nullptr);
  if (!output) return tl::unexpected(output.error());
  if (output->packet.data() != traveller.packet.data()) {
    traveller.packet.assign(output->packet.begin(), output->packet.end());
  }
  traveller.mark = output->mark;
  switch (output->action) {
    case HookOutput::Action::kPass:
      traveller.stage = stage_behind(hook);
      break;
    case HookOutput::Action::kDrop:
      traveller.stage = Stage::kGone;
      break;
    default:
      redirect(traveller, *output, fate);
      break;
  }
  return {};
}

NodeSimulation::Stage NodeSimulation::stage_behind(Hook hook) {
  switch (hook) {
    case Hook::kXdp:
      return Stage::kTcIngress;
    case Hook::kTcIngress:
      return Stage::kStackInput;
    case Hook::kTcEgress:
      break;
  }
  return Stage::kTransmit;
}

// net/core/filter.c skb_do_redirect(), xdp_do_redirect().
void NodeSimulation::redirect(Traveller& traveller, const HookOutput& output, Fate& fate) {
  const Interface* to = interface(output.redirect_interface);
  if (to == nullptr) {
    drop(traveller, "redirected to an interface that does not exist", fate);
    return;
  }
  traveller.at = to;
  switch (output.action) {
    case HookOutput::Action::kRedirectIngress:
      traveller.stage = Stage::kTcIngress;
      traveller.route = KnownRoute::kNone;
      traveller.from_here = false;
      traveller.received_at = to->index;
      traveller.cb = output.cb;
      break;
    case HookOutput::Action::kTransmit:
      drop_padding(traveller.packet);
      traveller.stage = Stage::kTransmit;
      break;
    case HookOutput::Action::kRedirectPeer:
      say(fate, traveller, "handed to the other end");
      fate.add_emission({to->index}, traveller.packet);
      traveller.stage = Stage::kGone;
      break;
    default:
      traveller.stage = Stage::kTcEgress;
      traveller.cb = output.cb;
      break;
  }
}

void NodeSimulation::stack_input(Traveller& traveller, Fate& fate) {
  const Interface& in = *traveller.at;
  const auto length = stack_.receive(traveller.packet, in, traveller.from_here);
  if (!length) return fail(traveller, length.error(), fate);
  traveller.packet.resize(*length);

  switch (traveller.route) {
    case KnownRoute::kLocal: {
      const auto looped = stack_.receive_looped(traveller.packet, in, traveller.options);
      return looped ? deliver(traveller, fate) : fail(traveller, looped.error(), fate);
    }
    case KnownRoute::kOut:
      // Such a route has no way in (dst_discard()).
      return drop(traveller, "looped back with a route that leads out", fate);
    case KnownRoute::kNone:
      break;
  }
  const auto route = stack_.route_input(traveller.packet, in, traveller.options);
  if (!route) return fail(traveller, route.error(), fate);
  if (route->verdict != RouteVerdict::kForward) return deliver(traveller, fate);

  const auto forwarded = stack_.forward(traveller.packet, in, *route);
  if (!forwarded) return fail(traveller, forwarded.error(), fate);
  IpStack::finish_forward(traveller.packet, *route, traveller.options);
  traveller.at = route->out;
  traveller.route = KnownRoute::kOut;
  traveller.stage = Stage::kStackOutput;
  say(fate, traveller, "forwarded to it by the stack");
}

void NodeSimulation::host_output(Traveller& traveller, Fate& fate) {
  // Loopback, since a sender's own addresses are never martian.
  const auto length = stack_.receive(traveller.packet, world_.loopback());
  // Nobody minds a sender's options before they arrive.
  if (!length && length.error().drop != StackDrop::kBadOptions) {
    return fail(traveller, {length.error().drop, std::nullopt}, fate);
  }
  if (length) traveller.packet.resize(*length);

  const auto route =
      stack_.route_output(source_of(traveller.packet), destination_of(traveller.packet));
  if (!route) return fail(traveller, route.error(), fate);
  leave_host(traveller, *route, fate);
}

void NodeSimulation::leave_host(Traveller& traveller, const RouteDecision& route, Fate& fate) {
  const bool leaves = route.out->kind != InterfaceKind::kLoopback;
  traveller.at = route.out;
  traveller.route = leaves ? KnownRoute::kOut : KnownRoute::kLocal;
  traveller.stage = Stage::kStackOutput;
  say(fate, traveller, "routed to it by the stack");
  const IpAddress destination = destination_of(traveller.packet);
  if (!leaves || !stack_.comes_back(destination)) return;
  hear_oneself(traveller);
  if (IpStack::stays_here(destination)) traveller.stage = Stage::kGone;
}

// ip_mc_output(): a copy comes back as if the interface had received it (dev_loopback_xmit()).
void NodeSimulation::hear_oneself(const Traveller& traveller) {
  Traveller copy = traveller;
  copy.stage = Stage::kTcIngress;
  copy.route = KnownRoute::kLocal;
  copy.from_here = true;
  copy.received_at = copy.at->index;
  others_.push_back(std::move(copy));
}

void NodeSimulation::stack_output(Traveller& traveller, Fate& fate) {
  const auto size = stack_.output_size(traveller.packet, *traveller.at);
  if (!size) {
    // A process of the node is told by an error code.
    const bool own = traveller.received_at == 0;
    return fail(traveller, own ? StackFailure{size.error().drop, std::nullopt} : size.error(),
                fate);
  }
  if (*size == IpStack::OutputSize::kNeedsFragmenting) {
    say(fate, traveller, "cut into fragments by the stack");
    for (Bytes& piece : fragment_ipv4(traveller.packet, traveller.at->mtu)) {
      Traveller fragment = traveller;
      fragment.packet = std::move(piece);
      fragment.stage = Stage::kTcEgress;
      others_.push_back(std::move(fragment));
    }
    traveller.stage = Stage::kGone;
    return;
  }
  traveller.stage = Stage::kTcEgress;
}

void NodeSimulation::transmit(Traveller& traveller, Fate& fate) {
  const Interface& out = *traveller.at;
  if (out.kind == InterfaceKind::kLoopback) {
    traveller.received_at = out.index;
    traveller.stage = Stage::kTcIngress;
    return;
  }
  if (traveller.packet.size() > out.mtu) {
    return drop(traveller, "redirected to a link that it is too large for", fate);
  }
  say(fate, traveller, "left the node");
  fate.add_emission({out.index}, traveller.packet);
  traveller.stage = Stage::kGone;
}

void NodeSimulation::deliver(Traveller& traveller, Fate& fate) {
  say(fate, traveller, "delivered to the node's sockets");
  fate.add_emission(Place::sockets(), traveller.packet);
  traveller.stage = Stage::kGone;
}

void NodeSimulation::fail(Traveller& traveller, const StackFailure& failure, Fate& fate) {
  drop(traveller, to_string(failure.drop), fate);
  if (!failure.answer) return;
  const Interface& in = *traveller.at;
  auto answer = stack_.make_answer(traveller.packet, traveller.options, *failure.answer, in);
  if (!answer) return;
  if (explain_) {
    fate.trace.push_back(fmt::format("stack: answers with ICMP type {} code {}",
                                     failure.answer->type, failure.answer->code));
  }
  // Ahead of the copy that may come back of it.
  Traveller& error = others_.emplace_back();
  error.packet = std::move(answer->packet);
  leave_host(error, answer->route, fate);
}

void NodeSimulation::drop(Traveller& traveller, std::string_view reason, Fate& fate) {
  if (explain_) {
    fate.trace.push_back(fmt::format(
        "{}: dropped, {}", traveller.at != nullptr ? traveller.at->name : "host", reason));
  }
  traveller.stage = Stage::kGone;
}

void NodeSimulation::say(Fate& fate, const Traveller& traveller, std::string_view what) const {
  if (explain_) fate.trace.push_back(fmt::format("{}: {}", traveller.at->name, what));
}

const Interface* NodeSimulation::interface(uint32_t index) const {
  const auto found = interfaces_.find(index);
  return found != interfaces_.end() ? found->second : nullptr;
}

}  // namespace kubeproof
