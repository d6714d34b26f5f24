#include "base/result.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace infbench {
namespace {

Error at(int line, int column, std::string source_line) {
  return {.what = "bad", .hint = {}, .file = "f.yaml", .line = line, .column = column, .source_line = std::move(source_line)};
}

TEST(FormatError, SaysAsMuchOfThePlaceAsIsKnown) {
  struct Case {
    Error error;
    std::string expected;
  };
  const std::vector<Case> table = {
      {{.what = "bad", .hint = {}, .file = {}, .source_line = {}}, "bad\n"},
      {{.what = "bad", .hint = "do good", .file = {}, .source_line = {}}, "bad: do good\n"},
      {{.what = "bad", .hint = {}, .file = "f", .source_line = {}}, "f: bad\n"},
      {{.what = "bad", .hint = {}, .file = "f", .line = 7, .source_line = {}}, "f:7: bad\n"},
      {{.what = "bad", .hint = "do good", .file = "f", .line = 7, .column = 3, .source_line = {}}, "f:7:3: bad: do good\n"},
      {{.what = "bad", .hint = {}, .file = "f", .line = 0, .column = 3, .source_line = "x"}, "f: bad\n"},
      {{.what = "bad", .hint = {}, .file = "f", .line = 7, .column = 0, .source_line = "x"}, "f:7: bad\n"},
  };
  for (const Case& c : table) EXPECT_EQ(format_error(c.error), c.expected);
}

TEST(FormatError, PutsTheCaretUnderTheColumn) {
  struct Case {
    std::string_view why;
    std::string line;
    int column;
    std::string excerpt;
  };
  const std::vector<Case> table = {
      {"first column", "name: x", 1, "  name: x\n  ^\n"},
      {"in the middle", "name: x", 7, "  name: x\n        ^\n"},
      {"just past the end", "name:", 6, "  name:\n       ^\n"},
      {"far past the end", "name:", 60, "  name:\n       ^\n"},
      {"tabs are kept", "\ta:\tb", 5, "  \ta:\tb\n  \t  \t^\n"},
      {"a two-byte character takes one place", "\xC3\xA9: 1", 5, "  \xC3\xA9: 1\n     ^\n"},
      {"a four-byte character takes one place", "\xF0\x9F\x98\x80x", 5, "  \xF0\x9F\x98\x80x\n   ^\n"},
  };
  for (const Case& c : table)
    EXPECT_EQ(format_error(at(2, c.column, c.line)), "f.yaml:2:" + std::to_string(c.column) + ": bad\n" + c.excerpt) << c.why;
}

TEST(FormatError, ShowsNothingThatDrivesATerminal) {
  struct Case {
    std::string_view why, given, shown;
  };
  for (const Case& c : std::vector<Case>{{"text", "a\tb \xC3\xA9", "a\tb \xC3\xA9"},
                                         {"an escape sequence", "\x1B[31m", "?[31m"},
                                         {"a C1 control character", "\xC2\x9B", "??"},
                                         {"no UTF-8", "\xFF", "?"},
                                         {"what turns the direction of writing",
                                          "\xE2\x80\xAE"
                                          "a",
                                          "???a"}}) {
    const std::string out = format_error(at(1, 1, std::string(c.given)));
    EXPECT_EQ(out, "f.yaml:1:1: bad\n  " + std::string(c.shown) + "\n  ^\n") << c.why;
  }
}

TEST(FormatError, CutsALongLineAroundTheCaret) {
  const std::string line = std::string(200, 'a') + "X" + std::string(200, 'b');
  const std::string expected = "f.yaml:1:201: bad\n  ..." + std::string(50, 'a') + "X" + std::string(49, 'b') + "...\n     " +
                               std::string(50, ' ') + "^\n";
  EXPECT_EQ(format_error(at(1, 201, line)), expected);
}

TEST(FormatError, HasTheCaretAtTheEndOfALongLineThatIsShorterThanItsColumn) {
  const std::string line(120, 'a');
  EXPECT_EQ(format_error(at(1, 400, line)),
            "f.yaml:1:400: bad\n  ..." + std::string(50, 'a') + "\n     " + std::string(50, ' ') + "^\n");
}

TEST(FormatError, CutsALongLineBetweenCharacters) {
  std::string line;
  for (int i = 0; i < 150; ++i) line += "\xE2\x82\xAC";  // three bytes each
  const std::string out = format_error(at(1, 226, line));
  const std::string_view excerpt = std::string_view(out).substr(out.find('\n') + 1);
  const std::size_t first = excerpt.find("...") + 3;
  EXPECT_EQ(excerpt[first], '\xE2');
  EXPECT_EQ(excerpt[excerpt.find("...", first) - 1], '\xAC');
}

// The caret's line: as many places before the caret as the excerpt has characters before the column.
RC_GTEST_PROP(FormatError, NeverCrashesAndAlwaysEndsWithACaret, (std::string line)) {
  std::replace(line.begin(), line.end(), '\n', ' ');
  line.append(*rc::gen::inRange<std::size_t>(1, 150), 'x');
  const int column = *rc::gen::inRange(1, 2 * static_cast<int>(line.size()) + 200);
  const std::string out = format_error(at(1, column, line));
  RC_ASSERT(std::count(out.begin(), out.end(), '\n') == 3);
  RC_ASSERT(out.substr(out.size() - 2) == "^\n");
}

TEST(FormatErrors, PrintsAllInOrder) {
  EXPECT_EQ(format_errors({at(1, 0, ""), at(2, 0, "")}), "f.yaml:1: bad\nf.yaml:2: bad\n");
  EXPECT_EQ(format_errors({}), "");
}

TEST(Fail, MakesAResultWithoutAValue) {
  const Result<int> result = fail("bad", "do good");
  ASSERT_FALSE(result.has_value());
  ASSERT_EQ(result.error().size(), 1U);
  EXPECT_EQ(format_errors(result.error()), "bad: do good\n");
}

TEST(DidYouMean, NamesTheNearestWhenItIsNear) {
  struct Case {
    std::string_view word;
    std::vector<std::string_view> candidates;
    std::string_view expected;
  };
  const std::vector<Case> table = {
      {"tensor-parallel-sise", {"page-size", "tensor-parallel-size"}, "did you mean 'tensor-parallel-size'?"},
      {"round_robbin", {"random", "round_robin"}, "did you mean 'round_robin'?"},
      {"conversations", {"conversation", "toolagent"}, "did you mean 'conversation'?"},
      {"nam", {"name"}, "did you mean 'name'?"},
      {"xy", {"ay"}, "did you mean 'ay'?"},        // one slip is always allowed
      {"ba", {"aa", "bb"}, "did you mean 'aa'?"},  // a tie goes to the first
      {"bogus", {"name", "model", "backend"}, ""},
      {"xy", {"ab"}, ""},
      {"name", {}, ""},
      {"", {"name"}, ""},
      {"Name", {"name"}, "did you mean 'name'?"},
  };
  for (const Case& c : table) EXPECT_EQ(did_you_mean(c.word, c.candidates), c.expected) << c.word;
}

}  // namespace
}  // namespace infbench
