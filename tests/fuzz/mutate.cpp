#include "tests/fuzz/mutate.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

namespace kubeproof::fuzz {
namespace {

void flip_bit(std::string& text, Random& random) {
  text[below(random, text.size())] ^= static_cast<char>(1U << below(random, 8));
}

void set_byte(std::string& text, Random& random) {
  text[below(random, text.size())] = static_cast<char>(random());
}

// Numbers at the edges of their types, in either byte order.
void set_number(std::string& text, Random& random) {
  constexpr std::array<uint32_t, 12> kEdges = {
      0, 1, 3, 4, 0x7f, 0xff, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0xfffffffc, UINT32_MAX};
  uint32_t number = kEdges[below(random, kEdges.size())];
  if (random() % 2 == 0) number = __builtin_bswap32(number);
  const size_t size = size_t{1} << below(random, 3);
  if (text.size() < size) return;
  std::memcpy(text.data() + below(random, text.size() - size + 1), &number, size);
}

struct Piece {
  size_t at;
  size_t size;
};

Piece any_piece(const std::string& text, Random& random) {
  const size_t at = below(random, text.size());
  const size_t most = std::min<size_t>(text.size() - at, random() % 8 == 0 ? SIZE_MAX : 64);
  return {at, 1 + below(random, most)};
}

void lose(std::string& text, Random& random) {
  const Piece piece = any_piece(text, random);
  text.erase(piece.at, piece.size);
}

void cut_short(std::string& text, Random& random) {
  text.resize(below(random, text.size()));
}

void repeat(std::string& text, Random& random) {
  const Piece piece = any_piece(text, random);
  const std::string copy = text.substr(piece.at, piece.size);
  for (size_t times = 1 + below(random, 3); times > 0; --times) text.insert(piece.at, copy);
}

void copy_elsewhere(std::string& text, Random& random) {
  const Piece piece = any_piece(text, random);
  const size_t to = below(random, text.size() - piece.size + 1);
  std::memmove(text.data() + to, text.data() + piece.at, piece.size);
}

void put_word(std::string& text, std::span<const std::string_view> words, Random& random) {
  const std::string_view word = words[below(random, words.size())];
  const size_t at = below(random, text.size() + 1);
  const size_t in_place_of = random() % 2 == 0 ? 0 : std::min(text.size() - at, word.size());
  text.replace(at, in_place_of, word);
}

}  // namespace

size_t below(Random& random, size_t limit) {
  return static_cast<size_t>(random() % limit);
}

void mutate(std::string& text, std::span<const std::string_view> words, Random& random) {
  constexpr size_t kLongest = size_t{1} << 20;
  for (size_t changes = 1 + below(random, 8); changes > 0 && !text.empty(); --changes) {
    switch (below(random, words.empty() ? 7 : 9)) {
      case 0:
        flip_bit(text, random);
        break;
      case 1:
        set_byte(text, random);
        break;
      case 2:
        set_number(text, random);
        break;
      case 3:
        lose(text, random);
        break;
      case 4:
        if (random() % 8 == 0) cut_short(text, random);
        break;
      case 5:
        if (text.size() < kLongest) repeat(text, random);
        break;
      case 6:
        copy_elsewhere(text, random);
        break;
      default:
        put_word(text, words, random);
        break;
    }
  }
}

}  // namespace kubeproof::fuzz
