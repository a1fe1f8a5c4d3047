#include "model/netfilter/chain_walk.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/netfilter/rules_text.h"

namespace kubeproof::netfilter {
namespace {

bool matches(const InterfacePattern& pattern, const Interface* interface) {
  const std::string_view name = interface == nullptr ? "" : std::string_view(interface->name);
  return pattern.is_prefix ? name.starts_with(pattern.name) : name == pattern.name;
}

}  // namespace

std::span<WalkEnd> ChainWalk::run(const Context& context, TableName table, Hook hook,
                                  const WalkPacket& packet) {
  context_ = &context;
  packet_ = &packet;
  table_ = table;
  hook_ = hook;
  const PacketView& view = packet.view;
  source_ = view.source.words();
  key_ = {.parts = IndexKey::kDestination | IndexKey::kProtocol | IndexKey::kPort,
          .destination = view.destination.words(),
          .protocol = view.protocol,
          .port = view.destination_port};
  end_count_ = 0;
  open_count_ = 0;
  unknown_rules_ = 0;

  current_.frames.clear();
  if (const auto entry = context.rules.entry(table, hook)) current_.frames.push_back({*entry, 0});
  current_.probability = 1;
  current_.mark = packet.mark;
  current_.changes.assign(packet.changes.begin(), packet.changes.end());
  current_.trace.clear();
  follow();
  drain(0);
  return {ends_.data(), end_count_};
}

void ChainWalk::drain(size_t open_count) {
  while (open_count_ > open_count) {
    std::swap(current_, open_[--open_count_]);
    follow();
  }
}

void ChainWalk::follow() {
  if (current_.frames.empty()) return end(Verdict::kAccept);
  while (true) {
    Frame& frame = current_.frames.back();
    const CompiledChain& chain = context_->rules.chain(frame.chain);
    const uint32_t number = next_candidate(chain, frame.next_rule);
    if (number >= chain.rules.size()) {
      if (current_.frames.size() == 1) {
        return end(chain.text->policy == Policy::kDrop ? Verdict::kDrop : Verdict::kAccept);
      }
      current_.frames.pop_back();
      continue;
    }
    frame.next_rule = number + 1;
    const CompiledRule& rule = chain.rules[number];
    const Tested tested = test(rule);
    if (tested == Tested::kNo) continue;
    if (context_->explain) note(chain, number);
    if (tested == Tested::kHotDrop) return end(Verdict::kDrop);
    if (tested == Tested::kUnknown) return follow_both(rule, std::move(unknown_));
    if (!act(rule)) return;
  }
}

uint32_t ChainWalk::next_candidate(const CompiledChain& chain, uint32_t from) const {
  if (context_->linear || chain.index.empty()) return from;
  // A transport header that is cut short is dropped by the first rule that asks for it, whichever
  // port it asks for (test_transport()).
  const PacketView& view = packet_->view;
  const bool cut_short =
      !view.has_ports && (view.protocol == kTcp || view.protocol == kUdp || view.protocol == kSctp);
  if (cut_short || view.is_chain_broken) return from;
  return chain.index.next(key_, from);
}

ChainWalk::Tested ChainWalk::test(const CompiledRule& rule) {
  if (!test_header(rule)) return Tested::kNo;
  if (const Tested tested = test_protocol(rule); tested != Tested::kYes) return tested;
  const CompiledMatch* all = context_->rules.matches();
  bool any_unknown = false;
  for (uint32_t i = rule.matches_begin; i < rule.matches_end; ++i) {
    const Tested tested = test_match(all[i]);
    if (tested == Tested::kYes) continue;
    if (tested == Tested::kUnknown) {
      if (!any_unknown) unknown_ = {current_, open_count_};
      any_unknown = true;
      continue;
    }
    if (!any_unknown) return tested;
    // What fails anyway, and left nothing behind, needs no other answer.
    if (tested == Tested::kNo && current_.changes == unknown_.otherwise.changes) return tested;
    unknown_.rest = tested;
    return Tested::kUnknown;
  }
  return any_unknown ? Tested::kUnknown : Tested::kYes;
}

bool ChainWalk::test_header(const CompiledRule& rule) const {
  const auto fails = [&rule](CompiledRule::Test bit, auto&& matches) {
    if ((rule.tests & bit) == 0) return false;
    return matches() == ((rule.negations & bit) != 0);
  };
  return !fails(CompiledRule::kDestination,
                [&] { return rule.destination.matches(key_.destination); }) &&
         !fails(CompiledRule::kSource, [&] { return rule.source.matches(source_); }) &&
         !fails(CompiledRule::kInInterface,
                [&] { return matches(*rule.in_interface, packet_->in); }) &&
         !fails(CompiledRule::kOutInterface,
                [&] { return matches(*rule.out_interface, packet_->out); });
}

// ip6_packet_match(): the first rule that asks drops what nobody can tell the protocol of.
ChainWalk::Tested ChainWalk::test_protocol(const CompiledRule& rule) const {
  if ((rule.tests & CompiledRule::kProtocol) == 0) return Tested::kYes;
  if (packet_->view.is_chain_broken) return Tested::kHotDrop;
  const bool same = rule.protocol == 0 || rule.protocol == packet_->view.protocol;
  return same != ((rule.negations & CompiledRule::kProtocol) != 0) ? Tested::kYes : Tested::kNo;
}

ChainWalk::Tested ChainWalk::test_match(const CompiledMatch& match) {
  const auto said = [&match](bool yes) {
    return yes != match.negated ? Tested::kYes : Tested::kNo;
  };
  const PacketView& view = packet_->view;
  switch (match.kind) {
    case MatchKind::kTransport:
      return test_transport();
    case MatchKind::kDestinationPort: {
      const Tested whole = test_transport();
      return whole == Tested::kYes ? said(view.destination_port == match.first) : whole;
    }
    case MatchKind::kMark:
      return said((current_.mark & match.second) == match.first);
    case MatchKind::kConntrackState:
      return said((packet_->conntrack_states & match.first) != 0);
    case MatchKind::kLocalAddress:
      return said(context_->routes.is_local(match.first != 0 ? view.source : view.destination));
    case MatchKind::kBridgePort:
      // Of a bridge only br_netfilter tells by which port a packet came, if it is loaded.
      if (packet_->in != nullptr && context_->routes.is_bridge(*packet_->in)) {
        return Tested::kUnknown;
      }
      return said(false);
    case MatchKind::kStatistic:
      return test_statistic(match.first);
    case MatchKind::kRecentSet:
    case MatchKind::kRecentRecheck:
    case MatchKind::kRecentRecheckReap:
      return test_recent(match);
    case MatchKind::kUnknown:
      break;
  }
  return Tested::kUnknown;
}

// xt_tcpudp.c, xt_sctp.c: whether there is a transport header; one that is cut short is dropped.
ChainWalk::Tested ChainWalk::test_transport() const {
  const PacketView& view = packet_->view;
  if (view.is_fragment && view.fragment_offset != 0) return Tested::kNo;
  return view.has_ports ? Tested::kYes : Tested::kHotDrop;
}

// Goes on as matched, and leaves the other way open.
ChainWalk::Tested ChainWalk::test_statistic(uint32_t threshold) {
  constexpr uint32_t kCertain = uint32_t{1} << 31;
  if (threshold == 0) return Tested::kNo;
  if (threshold >= kCertain) return Tested::kYes;
  const double probability = static_cast<double>(threshold) / kCertain;
  Branch& other = open_branch();
  other = current_;
  other.probability *= 1 - probability;
  current_.probability *= probability;
  return Tested::kYes;
}

ChainWalk::Tested ChainWalk::test_recent(const CompiledMatch& match) {
  const IpAddress& source = packet_->view.source;
  const ListId id = match.first;
  if (match.kind == MatchKind::kRecentSet) {
    current_.changes.push_back({RecentChange::Kind::kSet, id, source, context_->now});
    return Tested::kYes;
  }
  // The list as this packet has left it.
  const RecentList* list = &context_->recent[id];
  RecentList changed;
  for (const RecentChange& change : current_.changes) {
    if (change.list != id) continue;
    if (list != &changed) {
      changed = *list;
      list = &changed;
    }
    change.apply(changed);
  }
  if (!list->contains(source)) {
    if (list->size() >= RecentList::kCapacity) {
      current_.trace.push_back(
          fmt::format("a full list of -m recent without {}", source.to_string()));
    }
    return Tested::kNo;
  }
  const Instant since =
      match.second == 0 ? Instant::min() : context_->now - std::chrono::seconds(match.second);
  const bool hit = list->set_since(source, since);
  if (match.kind == MatchKind::kRecentRecheckReap && list->would_reap(since)) {
    current_.changes.push_back({RecentChange::Kind::kReap, id, {}, since});
  }
  return hit ? Tested::kYes : Tested::kNo;
}

bool ChainWalk::act(const CompiledRule& rule) {
  switch (rule.target) {
    case TargetKind::kNone:
      return true;
    case TargetKind::kMark:
      current_.mark = (current_.mark & ~rule.target_second) ^ rule.target_first;
      return true;
    case TargetKind::kGoto:
      current_.frames.back().next_rule = RuleIndex::kEnd;
      current_.frames.push_back({rule.target_first, 0});
      return true;
    case TargetKind::kJump:
      current_.frames.push_back({rule.target_first, 0});
      return true;
    case TargetKind::kReturn:
      if (current_.frames.size() > 1) {
        current_.frames.pop_back();
      } else {
        // In a built-in chain: its policy.
        current_.frames.back().next_rule = RuleIndex::kEnd;
      }
      return true;
    case TargetKind::kAccept:
      end(Verdict::kAccept);
      return false;
    case TargetKind::kDrop:
      end(Verdict::kDrop);
      return false;
    case TargetKind::kReject:
      end(Verdict::kReject);
      return false;
    case TargetKind::kDnat:
      end(Verdict::kAccept, {.kind = NatChoice::Kind::kDestination,
                             .to = context_->rules.destination(rule.target_first)});
      return false;
    case TargetKind::kMasquerade:
      end(Verdict::kAccept,
          {.kind = NatChoice::Kind::kMasquerade, .random_fully = rule.target_first != 0});
      return false;
    case TargetKind::kUnknown:
      break;
  }
  end(Verdict::kUnknown);
  return false;
}

void ChainWalk::end(Verdict verdict, const NatChoice& nat) {
  if (end_count_ == ends_.size()) ends_.emplace_back();
  WalkEnd& end = ends_[end_count_++];
  end.verdict = verdict;
  end.probability = current_.probability;
  end.mark = current_.mark;
  end.nat = nat;
  std::swap(end.changes, current_.changes);
  std::swap(end.trace, current_.trace);
}

void ChainWalk::note(const CompiledChain& chain, uint32_t number) {
  const std::string& name = chain.text->name;
  if (chain.lines.empty()) chain.lines.resize(chain.rules.size());
  std::string& text = chain.lines[number];
  if (text.empty()) {
    text = to_text(name, chain.text->rules[number], packet_->view.family).substr(name.size() + 3);
  }
  const bool built_in = name == to_string(hook_);
  current_.trace.push_back(fmt::format("{} {}{}{} #{} {}", to_string(table_), to_string(hook_),
                                       built_in ? "" : " ", built_in ? "" : name, number + 1,
                                       text));
}

ChainWalk::Branch& ChainWalk::open_branch() {
  if (open_count_ == open_.size()) open_.emplace_back();
  return open_[open_count_++];
}

}  // namespace kubeproof::netfilter
