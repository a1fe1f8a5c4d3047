#include "replay/run/chi_squared.h"

#include <gtest/gtest.h>

#include <cmath>

namespace kubeproof {
namespace {

// Abramowitz and Stegun, table 26.8: the statistic that is exceeded with this probability.
TEST(ChiSquared, AgreesWithTheTables) {
  struct {
    unsigned degrees;
    double statistic;
    double tail;
  } const rows[] = {
      {1, 3.84146, 0.05},  {1, 10.8276, 0.001},  {2, 5.99146, 0.05},  {2, 13.8155, 0.001},
      {3, 7.81473, 0.05},  {4, 18.4668, 0.001},  {7, 14.0671, 0.05},  {10, 29.5883, 0.001},
      {29, 42.5570, 0.05}, {30, 59.7031, 0.001}, {30, 29.3360, 0.50}, {100, 149.449, 0.001},
  };
  for (const auto& row : rows) {
    EXPECT_NEAR(chi_squared_tail(row.statistic, row.degrees) / row.tail, 1, 1e-4)
        << row.degrees << " degrees, " << row.statistic;
  }
}

TEST(ChiSquared, StaysPreciseFarOut) {
  // With two degrees of freedom the tail is e^(-x/2).
  EXPECT_NEAR(chi_squared_tail(80, 2) / std::exp(-40), 1, 1e-9);
  EXPECT_GT(chi_squared_tail(1400, 9), 0);
  EXPECT_EQ(chi_squared_tail(1e6, 9), 0);
}

TEST(ChiSquared, IsCertainForWhatIsNotOffAtAll) {
  EXPECT_EQ(chi_squared_tail(0, 3), 1);
}

}  // namespace
}  // namespace kubeproof
