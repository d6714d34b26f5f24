// Columns, cutting, numbers.
#include "report/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/utf8.h"

namespace infbench::report {
namespace {

constexpr std::string_view kUmlauts =
    "gr\xC3\xB6\xC3\x9F"
    "er";                                                        // 6 columns
constexpr std::string_view kKanji = "\xE6\xBC\xA2\xE5\xAD\x97";  // 2 characters, 4 columns
constexpr std::string_view kCombined =
    "e\xCC\x81"
    "a";                                                 // e with an accent, a: 2 columns
constexpr std::string_view kEmoji = "\xF0\x9F\x98\x80";  // 2 columns

TEST(Text, Width) {
  EXPECT_EQ(width_of(""), 0U);
  EXPECT_EQ(width_of("abc"), 3U);
  EXPECT_EQ(width_of(kUmlauts), 6U);
  EXPECT_EQ(width_of(kKanji), 4U);
  EXPECT_EQ(width_of(kCombined), 2U);
  EXPECT_EQ(width_of(kEmoji), 2U);
}

TEST(Text, CutsTheMiddle) {
  struct Case {
    std::string_view text;
    std::size_t width;
    std::string cut;
  };
  const Case cases[] = {
      {"short", 5, "short"},
      {"abcdefghij", 8, "abc..hij"},
      {"abcdefghij", 7, "abc..ij"},
      {"abcdefghij", 4, "a..j"},
      {"abcdefghij", 1, "a..j"},
      {kUmlauts, 5, "gr..r"},
      {"\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97", 6, "\xE6\xBC\xA2..\xE5\xAD\x97"},
      {"\xE6\xBC\xA2\xE5\xAD\x97\xE6\xBC\xA2\xE5\xAD\x97", 5, "\xE6\xBC\xA2.."},  // half of a character does not fit
      {"abe\xCC\x81"
       "bcde\xCC\x81",
       5, "ab..e\xCC\x81"},  // the accent stays with its letter
  };
  for (const Case& c : cases) EXPECT_EQ(cut(c.text, c.width), c.cut) << c.text << ' ' << c.width;
}

TEST(Text, PadsByColumns) {
  EXPECT_EQ(pad_right("ab", 4), "ab  ");
  EXPECT_EQ(pad_left("ab", 4), "  ab");
  EXPECT_EQ(pad_left(kKanji, 5), " " + std::string(kKanji));
  EXPECT_EQ(pad_left("abcdef", 3), "abcdef");
}

TEST(Text, NoNameMovesTheCursor) {
  EXPECT_EQ(printable("a\x1b[31mb\nc\x7f\xC2\x9b"), "a?[31mb?c??");
  EXPECT_EQ(printable("\xFF"
                      "a"),
            "?a");
  EXPECT_EQ(printable("\xE2\x80\xAE"
                      "abc"),
            "?abc");  // right-to-left override
  EXPECT_EQ(printable(kUmlauts), kUmlauts);
}

TEST(Text, Wraps) {
  EXPECT_EQ(wrap("", 10, 2), "\n");
  EXPECT_EQ(wrap("one two three", 20, 2), "one two three\n");
  EXPECT_EQ(wrap("one two three four", 9, 2), "one two\n  three\n  four\n");
  EXPECT_EQ(wrap("a_very_long_word b", 6, 1), "a_very_long_word\n b\n");
}

TEST(Text, Numbers) {
  struct Case {
    double number;
    int decimals;
    std::string plain, with_sign;
  };
  const Case cases[] = {
      {0, 0, "0", "0"},
      {12031, 0, "12,031", "+12,031"},
      {999, 0, "999", "+999"},
      {-1234567.891, 2, "-1,234,567.89", "-1,234,567.89"},
      {1234.56, 1, "1,234.6", "+1,234.6"},
      {-0.04, 1, "0.0", "0.0"},
      {0.04, 1, "0.0", "0.0"},
      {-123, 0, "-123", "-123"},
      {999.96, 1, "1,000.0", "+1,000.0"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(grouped(c.number, c.decimals), c.plain);
    EXPECT_EQ(with_sign(c.number, c.decimals), c.with_sign);
  }
}

RC_GTEST_PROP(TextProperty, CutTextFitsAndStaysWhole, (const std::string& text, std::uint8_t width)) {
  const std::string clean = printable(text);
  const std::string short_text = cut(clean, width);
  RC_ASSERT(width_of(short_text) <= std::max<std::size_t>(width, 4));
  for (std::size_t at = 0; at < short_text.size();) {
    const Utf8Char c = decode_utf8(short_text, at);
    RC_ASSERT(c.valid);
    at += c.bytes;
  }
}

}  // namespace
}  // namespace infbench::report
