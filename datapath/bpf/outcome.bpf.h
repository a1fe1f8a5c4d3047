/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How programs end. Every exit names its reason; the trace record is filled on the way and handed
 * over at the end, if anyone listens.
 */
#pragma once

#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "frame.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"

volatile __u32 trace_enabled __weak = 0;

static __always_inline int pass(struct packet *packet, __u8 reason)
{
	packet->trace.verdict = VERDICT_PASS;
	packet->trace.reason = reason;
	return ACTION_PASS;
}

static __always_inline int drop(struct packet *packet, __u8 reason)
{
	packet->trace.verdict = VERDICT_DROP;
	packet->trace.reason = reason;
	return ACTION_DROP;
}

/* `action`: what the redirect helper returned. */
static __always_inline int redirected(struct packet *packet, __u8 reason, __u8 kind, __u32 ifindex,
				      long action)
{
	if (action != ACTION_REDIRECT)
		return drop(packet, DROP_REWRITE);
	packet->trace.verdict = VERDICT_REDIRECT;
	packet->trace.reason = reason;
	packet->trace.redirect = kind;
	packet->trace.redirect_ifindex = ifindex;
	return ACTION_REDIRECT;
}

static __always_inline void trace_flow(struct packet *packet, const struct flow *flow)
{
	if (!trace_enabled)
		return;
	packet->trace.service_id = flow->service_id;
	packet->trace.backend = flow->backend;
	if (flow->flags & FLOW_MASQUERADED)
		packet->trace.flags |= TRACE_MASQUERADE;
	if (flow->flags & FLOW_HOST_CLIENT)
		packet->trace.flags |= TRACE_HOST_ORIGIN;
	if (flow->flags & FLOW_HOST_BACKEND)
		packet->trace.flags |= TRACE_LOCAL_BACKEND;
}

static __always_inline void trace_end(struct packet *packet)
{
	if (!trace_enabled)
		return;
	packet->trace.time = packet->now;
	packet->trace.ifindex = packet->ifindex;
	if (packet->error == ERROR_ABOUT_FLOW) {
		packet->trace.before = packet->quoted;
		packet->trace.after = packet->quoted_to;
	} else {
		packet->trace.before = packet->tuple;
		packet->trace.after = packet->to;
	}
	bpf_ringbuf_output(&trace_records, &packet->trace, sizeof(packet->trace), BPF_RB_NO_WAKEUP);
}
