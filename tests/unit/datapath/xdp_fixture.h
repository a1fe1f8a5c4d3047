// The program at XDP of the small node's uplink, where the gateway is a known neighbour.
#pragma once

#include <string>

#include "tests/unit/datapath/program_fixture.h"

namespace kubeproof::control {

class XdpProgramTest : public ProgramTest {
 protected:
  XdpProgramTest() : ProgramTest(true) {}
  void SetUp() override {
    ProgramTest::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    know_neighbour("203.0.113.7");  // by way of the gateway
    know_neighbour("2001:db8:c::7");
  }

  // "[fd00::1]:80" without the port.
  static std::string parse_endpoint(const std::string& text) {
    return SocketAddress::parse(text)->address.to_string();
  }
};

inline std::string family_name(const testing::TestParamInfo<Family>& info) {
  return info.param == Family::kIpv4 ? "Ipv4" : "Ipv6";
}

}  // namespace kubeproof::control
