#include "model/netfilter/recent_lists.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace kubeproof::netfilter {
namespace {

using namespace std::chrono_literals;

IpAddress address(int number) {
  return IpAddress::v4(0x0a000000U + static_cast<uint32_t>(number));
}

TEST(RecentListTest, ASourceIsRecentUpToAndIncludingTheBoundary) {
  RecentList list;
  list.set(address(1), 100s);
  EXPECT_TRUE(list.set_since(address(1), 100s));
  EXPECT_FALSE(list.set_since(address(1), 100s + 1ns));
  EXPECT_FALSE(list.set_since(address(2), 0s));
}

TEST(RecentListTest, SettingAgainRenews) {
  RecentList list;
  list.set(address(1), 100s);
  list.set(address(1), 200s);
  EXPECT_TRUE(list.set_since(address(1), 150s));
}

TEST(RecentListTest, TheHundredAndFirstSourceEvictsTheOneSetLeastRecently) {
  RecentList list;
  for (int i = 0; i < 100; ++i) list.set(address(i), 1s * i);
  list.set(address(0), 100s);
  list.set(address(100), 101s);
  EXPECT_TRUE(list.contains(address(0)));
  EXPECT_FALSE(list.contains(address(1)));
  EXPECT_TRUE(list.contains(address(2)));
}

TEST(RecentListTest, ReapingRemovesOneOldSourceAndOnlyThatOfTheLeastRecentlySet) {
  RecentList list;
  list.set(address(1), 10s);
  list.set(address(2), 20s);
  list.set(address(3), 30s);
  list.reap(25s);
  EXPECT_FALSE(list.contains(address(1)));
  EXPECT_TRUE(list.contains(address(2)));
  list.reap(15s);
  EXPECT_TRUE(list.contains(address(2)));
}

TEST(RecentListTest, ASourceThatWasTakenOutGoesBackToItsPlace) {
  RecentList list;
  for (int i = 1; i <= 3; ++i) list.set(address(i), 10s * i);
  const RecentList before = list;
  const auto stamp = list.take(address(2));
  ASSERT_TRUE(stamp);
  EXPECT_FALSE(list.contains(address(2)));
  EXPECT_FALSE(list.take(address(2)));
  list.put(address(2), *stamp);
  EXPECT_EQ(list, before);
}

TEST(RecentListsTest, AllThatIsKnownOfASourceCanBeTakenOut) {
  RecentLists lists;
  lists.change(1).set(address(1), 10s);
  lists.change(2).set(address(1), 20s);
  lists.change(2).set(address(2), 30s);
  const RecentLists before = lists;
  const auto stamps = lists.take(address(1));
  EXPECT_EQ(stamps, (std::vector<RecentStamp>{{1, 10s}, {2, 20s}}));
  EXPECT_FALSE(lists[1].contains(address(1)));
  EXPECT_TRUE(lists[2].contains(address(2)));
  EXPECT_TRUE(before[1].contains(address(1))) << "a copy keeps what it has";
  RecentLists without;
  without.change(2).set(address(2), 30s);
  EXPECT_EQ(lists, without) << "a list without sources is as good as none";
  lists.put(address(1), stamps);
  EXPECT_EQ(lists, before);
}

TEST(RecentListsTest, ListsThatNoRuleNamesAreGone) {
  RecentLists lists;
  lists.change(1).set(address(1), 10s);
  lists.change(2).set(address(1), 10s);
  lists.retain({2});
  EXPECT_FALSE(lists[1].contains(address(1)));
  EXPECT_TRUE(lists[2].contains(address(1)));
}

TEST(ListNamesTest, ANameKeepsItsNumber) {
  ListNames names;
  const ListId a = names.id("KUBE-SEP-A");
  const ListId b = names.id("KUBE-SEP-B");
  EXPECT_NE(a, b);
  EXPECT_EQ(names.id("KUBE-SEP-A"), a);
  EXPECT_EQ(names.name(b), "KUBE-SEP-B");
}

}  // namespace
}  // namespace kubeproof::netfilter
