/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions that the verifier walks by themselves and once, for any arguments, where it would follow
 * a static one through every call anew, with all that calls. It takes as little time as it does to
 * load the programs because nearly every function with a branch or a loop is one of these; and a loop of
 * many rounds is one by itself, since it is walked anew for each way that leads to it. What they owe for
 * it:
 *
 *   - They are not static. A function that takes a frame has a name of its own for each kind of
 *     frame: `#define name BY_FRAME(name)` stands before it (frame.bpf.h).
 *   - Arguments are numbers, the frame, or pointers to something that holds no pointers. Any pointer
 *     may be null, as far as the verifier knows, and is looked at first.
 *   - They return a number.
 *   - What stands behind a pointer that a function was given is no key or value of a map before
 *     Linux 6.2. Functions that look into maps by parts of the packet ask for it themselves:
 *     this_packet().
 */
#pragma once

#include <linux/types.h>

#include <bpf/bpf_helpers.h>

#define VERIFIED_ONCE __weak __noinline

/* Changes nothing, but the verifier forgets how the number came to be, and takes from the mask alone
 * that it is below a power of two. */
static __always_inline __u32 below(__u32 number, __u32 power)
{
	asm volatile("" : "+r"(number));
	return number & (power - 1);
}
