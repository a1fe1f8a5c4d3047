#include "replay/run/chi_squared.h"

#include <algorithm>
#include <cmath>

namespace kubeproof {

double chi_squared_tail(double statistic, unsigned degrees) {
  if (statistic <= 0 || degrees == 0) return 1;
  const double half = statistic / 2;
  const bool odd = degrees % 2 == 1;
  // Each term is half^n e^-half / n!, with n whole or a half; in logarithms, so that neither factor
  // overflows.
  double tail = odd ? std::erfc(std::sqrt(half)) : 0;
  for (unsigned i = 0; i < degrees / 2; ++i) {
    const double n = odd ? i + 0.5 : i;
    tail += std::exp(n * std::log(half) - half - std::lgamma(n + 1));
  }
  return std::min(tail, 1.0);
}

}  // namespace kubeproof
