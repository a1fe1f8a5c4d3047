#include "model/netfilter/hash_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

namespace kubeproof::netfilter {
namespace {

uint32_t first(const HashIndex& index, uint64_t hash) {
  return index.find(hash, [](uint32_t) { return true; });
}

TEST(HashIndex, FindsNothingInAnEmptyOne) {
  HashIndex index;
  EXPECT_EQ(first(index, 1), HashIndex::kNone);
  index.erase(1, 1);
}

TEST(HashIndex, AsksWhichOfThoseWithOneHashIsTheRightOne) {
  HashIndex index;
  index.insert(7, 1);
  index.insert(7, 2);
  EXPECT_EQ(first(index, 7), 1U);
  EXPECT_EQ(index.find(7, [](uint32_t number) { return number == 2; }), 2U);
  EXPECT_EQ(index.find(7, [](uint32_t number) { return number == 3; }), HashIndex::kNone);
}

// Few hashes, so that entries crowd.
TEST(HashIndex, HoldsWhatAListHolds) {
  std::mt19937 random(1);
  HashIndex index;
  std::vector<std::pair<uint64_t, uint32_t>> list;
  for (uint32_t step = 0; step < 20000; ++step) {
    const uint64_t hash = random() % 200 * 3;
    if (random() % 2 == 0 || list.empty()) {
      index.insert(hash, step);
      list.emplace_back(hash, step);
    } else {
      const size_t gone = random() % list.size();
      index.erase(list[gone].first, list[gone].second);
      list.erase(list.begin() + static_cast<ptrdiff_t>(gone));
    }
    std::vector<uint32_t> found;
    index.find(hash, [&](uint32_t number) {
      found.push_back(number);
      return false;
    });
    std::vector<uint32_t> expected;
    for (const auto& [its_hash, number] : list) {
      if (its_hash == hash) expected.push_back(number);
    }
    std::sort(found.begin(), found.end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(found, expected) << "step " << step;
  }
}

}  // namespace
}  // namespace kubeproof::netfilter
