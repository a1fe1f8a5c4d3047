// Damages bytes in the ways that find faults: bits flipped, lengths made absurd, pieces lost,
// doubled, swapped, or taken from elsewhere.
#pragma once

#include <random>
#include <span>
#include <string>
#include <string_view>

namespace kubeproof::fuzz {

using Random = std::mt19937_64;

// A number below `limit`, which is not 0.
size_t below(Random& random, size_t limit);

// One to eight changes. `words` are pieces that mean something in files of this kind.
void mutate(std::string& text, std::span<const std::string_view> words, Random& random);

}  // namespace kubeproof::fuzz
