// Pearson's test: how unlikely it is that counts which were drawn as expected lie this far off.
#pragma once

namespace kubeproof {

// The probability that a chi-squared variable with this many degrees of freedom exceeds
// `statistic`. Exact: for whole degrees of freedom the incomplete gamma function is a finite sum
// (Abramowitz and Stegun, 26.4.4 and 26.4.5).
double chi_squared_tail(double statistic, unsigned degrees);

}  // namespace kubeproof
