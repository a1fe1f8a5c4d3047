// The ledger of kubeproof's own datapath. Most of it is about fragments: it sees them one by one,
// where netfilter puts the datagram together first (nf_defrag_ipv4, nf_defrag_ipv6) and shows
// kube-proxy's rules the whole. A program at tc cannot hold packets back, nor put them together.
#include <algorithm>

#include "model/packet/checksum.h"
#include "model/packet/packet_view.h"
#include "replay/compare/ledger.h"

namespace kubeproof {
namespace {

// One in a single piece counts, too: IPv6's fragment header is gone from what netfilter shows.
bool is_fragment(const PacketView& view) {
  return view.is_fragment || view.fragment_header_offset != 0;
}

bool says(const Outcome& outcome, std::string_view line) {
  return std::any_of(outcome.trace.begin(), outcome.trace.end(),
                     [&](const std::string& said) { return said.find(line) != std::string::npos; });
}

bool completes_the_datagram(const Outcome& outcome) {
  return !says(outcome, "held back: a fragment");
}

// The first fragment completes its datagram, so the others were there before it.
bool fragments_before_the_first(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && view->is_first_fragment && !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), completes_the_datagram);
}

// Nothing but errors of the node's own, or nothing, on both sides. (Where an endpoint is still to
// be chosen, one choice may lead to an answer and another not.)
bool fragments_answered_one_by_one(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  if (!view || !is_fragment(*view)) return false;
  const auto seen_is_error = [](const Seen& seen) { return is_icmp_error_packet(seen.packet); };
  const auto is_error = [](const PermittedEmission& emission) {
    return is_icmp_error_packet(emission.packet);
  };
  const auto is_answer = [&](const Outcome& outcome) {
    return std::all_of(outcome.emissions.begin(), outcome.emissions.end(), is_error);
  };
  return std::all_of(at.seen.begin(), at.seen.end(), seen_is_error) &&
         std::any_of(at.outcomes.begin(), at.outcomes.end(), is_answer);
}

bool is_invalid(const Outcome& outcome) {
  return says(outcome, "conntrack INVALID");
}

bool has_a_wrong_checksum(const Outcome& outcome) {
  return says(outcome, "conntrack INVALID: its checksum is wrong");
}

// Whole, the datagram is INVALID, which only its end could tell.
bool fragments_judged_by_the_first(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && view->is_fragment && !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), is_invalid);
}

// Where a segment in fragments ends, and so what is in step behind it and how long its flow lives,
// only the whole tells.
bool tcp_in_fragments(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return at.after_fragments && view && view->protocol == kTcp;
}

// The engine drops all of the datagram, which is to go on with another port.
bool sctp_in_fragments(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && view->is_fragment && view->protocol == kSctp && at.seen.empty();
}

// What stands there is what a sender leaves for its device to complete.
bool checksums_to_be_completed(const Disagreeing& at) {
  const auto view = parse_packet(at.injection.packet);
  return view && !view->is_fragment && has_partial_checksum(at.injection.packet, *view) &&
         !at.outcomes.empty() &&
         std::all_of(at.outcomes.begin(), at.outcomes.end(), has_a_wrong_checksum);
}

}  // namespace

Ledger Ledger::built_in() {
  return Ledger(std::vector<Deviation>{
      {.id = "fragments-before-the-first",
       .title = "the first fragment arrives after others of its datagram",
       .why = "Only the first fragment carries ports. The programs keep them for those that come "
              "after it; those that came before passed untranslated, since nothing can be held "
              "back at tc.",
       .pinned_by = "corpus/cases/deviations/fragments-last-first.yaml",
       .near_miss = "corpus/cases/deviations/fragments-in-order.yaml",
       .covers = &fragments_before_the_first},
      {.id = "fragments-answered-one-by-one",
       .title = "a fragment is answered with an ICMP error, and not the whole datagram",
       .why = "netfilter answers once, when the datagram is complete, and quotes all of it. The "
              "programs and the stack behind them see the fragment, answer the first one, and "
              "quote that, as a router without connection tracking does.",
       .pinned_by = "corpus/cases/deviations/fragments-without-ttl.yaml",
       .near_miss = "corpus/cases/deviations/fragments-in-order.yaml",
       .covers = &fragments_answered_one_by_one},
      {.id = "fragments-judged-by-the-first",
       .title = "a datagram in fragments is INVALID as a whole, which its first one did not show",
       .why = "Checksum and length are those of the whole datagram, of which no fragment knows "
              "the rest. The receiver looks at them.",
       .pinned_by = "corpus/cases/deviations/fragments-with-a-wrong-checksum.yaml",
       .near_miss = "corpus/cases/deviations/fragments-in-order.yaml",
       .covers = &fragments_judged_by_the_first},
      {.id = "tcp-in-fragments",
       .title = "a TCP flow of which a segment came in fragments",
       .why = "How much such a segment holds is not known when its first fragment is judged: the "
              "flow is not held to windows any more, may be forgotten earlier, and where the "
              "segment ends it, the fragments behind the first are of no flow. TCP itself avoids "
              "fragments.",
       .pinned_by = "corpus/cases/deviations/reset-in-fragments.yaml",
       .near_miss = "corpus/cases/malformed/tcp-flags.yaml",
       .covers = &tcp_in_fragments},
      {.id = "sctp-in-fragments",
       .title = "SCTP in fragments, to another port",
       .why = "What a port does to a CRC32c depends on how many bytes come behind it, which the "
              "first fragment does not tell. Rather than let it go with a wrong checksum the "
              "programs drop it. SCTP cuts its messages itself.",
       .pinned_by = "corpus/cases/deviations/sctp-in-fragments.yaml",
       .near_miss = "corpus/cases/deviations/fragments-in-order.yaml",
       .covers = &sctp_in_fragments},
      {.id = "checksums-to-be-completed",
       .title = "a wrong checksum that is what a local sender leaves for its device",
       .why = "Programs are not told whether a checksum is still to be computed. Zero in SCTP, and "
              "the sum of the pseudo-header in TCP and UDP, is what the packets of pods on the "
              "node carry.",
       .pinned_by = "corpus/cases/deviations/sctp-checksum-of-zero.yaml",
       .near_miss = "corpus/cases/malformed/sctp-checksums.yaml",
       .covers = &checksums_to_be_completed},
  });
}

}  // namespace kubeproof
