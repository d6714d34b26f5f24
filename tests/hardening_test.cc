// The flags that make a hole harder to use are in the built programs: read from the files by binutils, so that a flag that gets
// lost on its way (another preset, a library's own flags) is seen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "process.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

std::string readelf(const std::string& what, const std::string& program) {
  const Finished read = run_program({"/usr/bin/readelf", "-W", what, program});
  EXPECT_EQ(read.exit_code, 0) << read.err;
  return read.out;
}

std::size_t count(std::string_view text, std::string_view part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

class Hardening : public ::testing::TestWithParam<std::string> {
 protected:
  std::string program_ = srtctl_of_preset(GetParam());
};

TEST_P(Hardening, IsLoadedAnywhereAndItsTablesCannotBeWritten) {
  EXPECT_THAT(readelf("-h", program_), ContainsRegex("Type: +DYN")) << "position-independent";
  const std::string dynamic = readelf("-d", program_);
  EXPECT_THAT(dynamic, ContainsRegex("FLAGS_1.*PIE"));
  EXPECT_THAT(dynamic, ContainsRegex("FLAGS.*NOW")) << "all is bound at the start, so that the tables can be closed";
  EXPECT_THAT(dynamic, Not(HasSubstr("TEXTREL")));
  const std::string segments = readelf("-l", program_);
  EXPECT_THAT(segments, HasSubstr("GNU_RELRO"));
  EXPECT_THAT(segments, ContainsRegex("GNU_STACK +0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ 0x[0-9a-f]+ RW +0x"));
  EXPECT_THAT(segments, Not(ContainsRegex(" RWE "))) << "nothing is writable and run";
}

INSTANTIATE_TEST_SUITE_P(Built, Hardening, ::testing::Values("dev", "release"));

TEST(HardeningOfRelease, ChecksOfTheCompilerAndTheLibrariesAreIn) {
  const std::string program = srtctl_of_preset("release");
  const std::string symbols = readelf("--dyn-syms", program);
  EXPECT_THAT(symbols, HasSubstr("__stack_chk_fail")) << "-fstack-protector-strong";
  EXPECT_THAT(symbols, ContainsRegex("__[a-z]+_chk@")) << "-D_FORTIFY_SOURCE";
  EXPECT_THAT(symbols, HasSubstr("__glibcxx_assert_fail")) << "-D_GLIBCXX_ASSERTIONS";
  const std::size_t functions = 1000;  // as are at least called through pointers
  EXPECT_GT(count(read_text(program), "\xf3\x0f\x1e\xfa"), functions) << "endbr64 of -fcf-protection";
}

// Of -fstack-clash-protection nothing can be told from the file with certainty.
TEST(HardeningOfRelease, EveryFileIsCompiledWithAllOfThem) {
  const std::string commands = read_text(std::string(SOURCE_DIR) + "/build/release/compile_commands.json");
  const std::size_t files = count(commands, "\"command\": ");
  ASSERT_GT(files, 100U);
  for (const char* flag : {"-D_FORTIFY_SOURCE=3", "-D_GLIBCXX_ASSERTIONS", "-fstack-protector-strong",
                           "-fstack-clash-protection", "-fcf-protection"}) {
    EXPECT_EQ(count(commands, std::string(" ") + flag + " "), files) << flag;
    EXPECT_THAT(run_program({srtctl_of_preset("release"), "--version", "--verbose"}).out, HasSubstr(flag));
  }
}

}  // namespace
}  // namespace infbench::tests
