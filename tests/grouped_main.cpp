// Of programs whose tests ctest runs many at a time: the status tells a skipped test from success.
#include <gtest/gtest.h>

#include <cstdlib>

int main(int argc, char** argv) {
  constexpr int kSkipped = 77;
  testing::InitGoogleTest(&argc, argv);
  if (RUN_ALL_TESTS() != 0) return EXIT_FAILURE;
  return testing::UnitTest::GetInstance()->skipped_test_count() > 0 ? kSkipped : EXIT_SUCCESS;
}
