/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The bytes of a packet, and what the kernel says of them, through one door for all hooks. Which
 * kind of frame a program is given is known when it is compiled: every .bpf.c defines FRAME_TC or
 * FRAME_XDP before it draws in anything. A kind defines
 *
 *   frame_t, frame_length(), frame_load()
 *   frame_store()            bytes that a checksum in the packet covers, which is changed with them
 *   frame_store_uncovered()  bytes that none covers: only the device's sum of all of it does
 *   frame_segment_size()          of the payload, where the device or the kernel is yet to cut it; else 0
 *   frame_sum_is_vouched_for()    the device has found its transport checksum right
 *   frame_sum_is_pending()        its transport checksum is still to be computed
 *   FRAME_HIDES_PENDING_SUMS      nobody tells of the latter
 *   frame_change_l3_sum(), frame_change_l4_sum()   as bpf_l3_csum_replace(), bpf_l4_csum_replace()
 *   frame_change_pseudo_header_ipv6()              for a change of IPv6 addresses
 *   BY_FRAME()   a name for functions that linking would take for one, but that take a frame
 *   ACTION_PASS, ACTION_DROP, ACTION_REDIRECT      what a program returns
 *
 * Loads, stores and changes are 0 where they worked.
 */
#pragma once

#if defined(FRAME_TC)
#include "frame_tc.bpf.h"
#elif defined(FRAME_XDP)
#include "frame_xdp.bpf.h"
#else
#error "which kind of frame?"
#endif
