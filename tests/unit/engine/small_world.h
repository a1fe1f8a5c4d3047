// A node with two pods, for tests that put packets through a kernel:
//
//   lo    1
//   eth0  2   192.168.0.2/24, 2001:db8::2/64, default through .1 and ::1
//   pod1  10  10.180.0.9, fd00::9
//   pod2  11  10.180.0.10, fd00::10
#pragma once

#include "model/node/world.h"

namespace kubeproof {

constexpr uint32_t kLoopback = 1;
constexpr uint32_t kUplink = 2;
constexpr uint32_t kPod1 = 10;
constexpr uint32_t kPod2 = 11;

World small_world();

}  // namespace kubeproof
