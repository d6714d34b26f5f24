#include "cli/replay_options.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/requirement.h"

namespace infbench::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Refuse, AiperfsFlagsByNameOthersWithAGuess) {
  EXPECT_THAT(refuse({"--num-profile-runs", "3", "--synthesis-max-isl=4", "--streamin"}, {"--streaming"}),
              ElementsAre(HasSubstr("aiperf's flag --num-profile-runs: "), HasSubstr("aiperf's flag --synthesis-max-isl: "),
                          HasSubstr("no flag --streamin: did you mean '--streaming'?")));
  EXPECT_THAT(refuse({"stray"}, {}), ElementsAre("expected a flag, found 'stray'"));
  EXPECT_THAT(refuse({}, {}), IsEmpty());
  for (const RefusedFlag& flag : refused_aiperf_flags()) EXPECT_FALSE(flag.hint.empty()) << flag.name;
}

// No name stands twice, and a name of its own is never taken for one of a family that stands before it.
TEST(Refuse, EachFlagWithItsOwnHint) {
  std::set<std::string_view> names;
  for (const RefusedFlag& flag : refused_aiperf_flags()) {
    EXPECT_TRUE(names.insert(flag.name).second) << flag.name;
    const std::string given = std::string(flag.name) + (flag.name.ends_with('-') ? "x" : "");
    EXPECT_THAT(refuse({given}, {}),
                ElementsAre("replay does not have aiperf's flag " + given + ": " + std::string(flag.hint)));
  }
}

TEST(Requirement, HoldsOrSaysHowItWasMissed) {
  measure::RunResult run;
  run.summary.requests = 10;
  run.summary.good_requests = 9;
  run.summary.time_to_first_token = measure::stats_of(std::vector<double>{100, 200});
  struct Case {
    const char* text;
    const char* missed;  // empty: it holds
  };
  for (const Case& one : {Case{"goodput_fraction>=0.9", ""}, Case{"goodput_fraction>=0.95", "it is 0.9"},
                          Case{"goodput_fraction<=0.5", "it is 0.9"}, Case{"time_to_first_token.max<=200", ""},
                          Case{"time_to_first_token.p50<=149", "it is 150"}, Case{"inter_token_latency.p99<=25", "no samples"},
                          Case{"lag_ms.p99<=20", "no samples"}}) {
    const auto requirement = parse_requirement(one.text);
    ASSERT_TRUE(requirement.has_value()) << one.text;
    EXPECT_THAT(missed(*requirement, run), HasSubstr(one.missed)) << one.text;
    EXPECT_EQ(missed(*requirement, run).empty(), std::string(one.missed).empty()) << one.text;
  }
  for (const char* wrong : {"", "goodput_fraction", "goodput_fraction>0.9", "goodput_fraction>=x", "nothing>=1",
                            "time_to_first_token<=3", "goodput_fraction.p99>=1", "time_to_first_token.p98<=3"}) {
    EXPECT_FALSE(parse_requirement(wrong).has_value()) << wrong;
  }
  EXPECT_THAT(parse_requirement("goodput_fracton>=1").error().front().hint, HasSubstr("goodput_fraction"));
}

}  // namespace
}  // namespace infbench::cli
