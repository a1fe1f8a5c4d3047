#include "datapath/control/service_table.h"

#include <gtest/gtest.h>

#include "tests/unit/datapath/control_fixture.h"

namespace kubeproof::control {
namespace {

class ServiceTableTest : public ::testing::Test {
 protected:
  // At 10.96.0.10:80, with one endpoint or none.
  static std::vector<ServiceEntry> claim(const std::string& service, bool has_endpoints) {
    ServiceEntry entry{.name = {.service = {"default", service}, .port = ""}, .endpoints = {}};
    entry.frontends = {{.at = {*IpAddress::parse("10.96.0.10"), 80},
                        .flags = has_endpoints ? uint32_t{abi::FRONTEND_HAS_ENDPOINTS} : 0}};
    return {entry};
  }

  // Who has the frontend after the change.
  std::string change(const ServiceTable::NewEntries& entries) {
    const TableChange change = table_.plan(entries);
    table_.take_over(entries);
    EXPECT_EQ(change.frontends.size(), 1u);
    const auto& owner = change.frontends.begin()->second;
    return owner ? owner->service.service.name : "nobody";
  }
  std::string change(const std::string& service, std::vector<ServiceEntry> entries) {
    return change({{{"default", service}, std::move(entries)}});
  }

  ServiceTable table_;
};

TEST_F(ServiceTableTest, TheFirstServiceInOrderHasAFrontendThatTwoClaim) {
  EXPECT_EQ(change("b", claim("b", true)), "b");
  EXPECT_EQ(change("a", claim("a", true)), "a");
  EXPECT_EQ(change("c", claim("c", true)), "a");
}

TEST_F(ServiceTableTest, OneWithEndpointsComesBeforeOneWithout) {
  EXPECT_EQ(change("a", claim("a", false)), "a");
  EXPECT_EQ(change("b", claim("b", true)), "b");
  EXPECT_EQ(change("b", claim("b", false)), "a");
}

TEST_F(ServiceTableTest, WhatOneLeavesGoesToTheNext) {
  change("a", claim("a", true));
  change("b", claim("b", true));
  EXPECT_EQ(change("a", {}), "b");
  EXPECT_EQ(change("b", {}), "nobody");
}

TEST_F(ServiceTableTest, ARenamedServiceHandsItsFrontendOver) {
  change("a", claim("a", true));
  EXPECT_EQ(change({{{"default", "a"}, {}}, {{"default", "b"}, claim("b", true)}}), "b");
}

TEST_F(ServiceTableTest, OtherServicesAreNotPartOfAChange) {
  change("a", claim("a", true));
  auto other = claim("b", true);
  other[0].frontends[0].at.port = 81;
  const TableChange change = table_.plan({{{"default", "b"}, other}});
  EXPECT_EQ(change.services.size(), 1u);
  EXPECT_EQ(change.frontends.size(), 1u);
}

TEST_F(ServiceTableTest, AnEarlierPlanChangesNothing) {
  change("a", claim("a", true));
  std::ignore = table_.plan({{{"default", "a"}, {}}});
  EXPECT_EQ(change("b", claim("b", true)), "a");
}

}  // namespace
}  // namespace kubeproof::control
