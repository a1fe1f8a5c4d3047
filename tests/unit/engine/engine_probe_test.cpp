#include "replay/engine/engine_probe.h"

#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

#include "tests/unit/engine/kernel_support.h"

namespace kubeproof {
namespace {

class EngineProbeTest : public KernelTest {};

// Runs on a thread of its own that has first given up all capabilities.
template <class Function>
void without_privileges(Function&& function) {
  std::thread([&] {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct none[2] = {};
    ASSERT_EQ(syscall(SYS_capset, &header, none), 0);
    function();
  }).join();
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(EngineProbe, ListsEveryEngineOnce) {
  std::vector<std::string> names;
  for (const EngineProbe& probe : probe_engines()) names.push_back(probe.name);
  EXPECT_EQ(names, (std::vector<std::string>{"reference", "netfilter", "ebpf-tc", "ebpf-xdp"}));
}

TEST_F(EngineProbeTest, MissingPrivilegesAreNamedWithTheRemedy) {
  without_privileges([] {
    for (const EngineProbe& probe : {probe_netfilter(), probe_ebpf_tc()}) {
      EXPECT_FALSE(probe.available());
      EXPECT_NE(joined(probe.missing).find("root"), std::string::npos) << joined(probe.missing);
    }
  });
}

TEST_F(EngineProbeTest, MissingProgramsAreNamedWithTheirPackage) {
  const std::string path = std::getenv("PATH");
  setenv("PATH", "/nonexistent", 1);
  const EngineProbe probe = probe_netfilter();
  setenv("PATH", path.c_str(), 1);
  EXPECT_NE(joined(probe.missing).find("install the package iproute2"), std::string::npos);
  EXPECT_NE(joined(probe.missing).find("install the package nftables"), std::string::npos);
  EXPECT_NE(joined(probe.missing).find("install the package iptables"), std::string::npos);
}

TEST_F(EngineProbeTest, ChoosesTheLegacyToolsWhereTheyWork) {
  EXPECT_EQ(choose_iptables_variant(), IptablesVariant::kLegacy);
}

}  // namespace
}  // namespace kubeproof
