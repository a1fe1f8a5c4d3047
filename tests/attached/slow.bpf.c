/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A program that takes a quarter of a second, as any may whose processor is taken from it. */
/* The helpers speak of types that Linux defines. */
// clang-format off
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
// clang-format on

#define LOOPS 5
#define ROUNDS (1 << 23) /* BPF_MAX_LOOPS */

enum progress {
  PROGRESS_NONE = 0,
  PROGRESS_BEGUN,
  PROGRESS_OVER,
};

volatile __u32 progress = PROGRESS_NONE;

static long go_on(__u32 round __attribute__((unused)), void* data __attribute__((unused))) {
  return 0;
}

SEC("tc")
int slow(struct __sk_buff* skb __attribute__((unused))) {
  progress = PROGRESS_BEGUN;
  for (int i = 0; i < LOOPS; i++) bpf_loop(ROUNDS, go_on, 0, 0);
  progress = PROGRESS_OVER;
  return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
