// What strangers wrote does not reach the terminal as an order.
#include "replay/report/printable.h"

#include <gtest/gtest.h>

namespace kubeproof {
namespace {

TEST(Printable, ShowsControlCharacters) {
  EXPECT_EQ(printable("a\tb\rc\x1b]0;title\x07"), "a\\x09b\\x0dc\\x1b]0;title\\x07");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\x1b[2J\x1b[1;1H"), "\\x1b[2J\\x1b[1;1H");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");
  EXPECT_EQ(printable("\x1b"), "\\x1b");
}

TEST(Printable, KeepsTextLinesAndColours) {
  for (const char* text : {"", "two\nlines\n", "größer → kleiner", "\x1b[31mred\x1b[0m"}) {
    EXPECT_EQ(printable(text), text);
  }
}

}  // namespace
}  // namespace kubeproof
