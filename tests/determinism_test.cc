// The same seed and inputs give the same bytes: run after run, on every build, and whatever the CPU can do.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "srtctl.h"

namespace infbench::tests {
namespace {

constexpr const char* kHideFma = "GLIBC_TUNABLES=glibc.cpu.hwcaps=-AVX2,-FMA";

struct Way {
  std::string name;
  std::string preset;
  std::vector<std::string> environment;
};

const std::vector<Way>& ways() {
  static const std::vector<Way> table = {
      {"optimised", "release", {}},
      {"optimised, once more", "release", {}},
      {"not optimised", "dev", {}},
      {"with sanitizers", "asan", {}},
      {"without fused multiply-add", "release", {kHideFma}},
      {"in another language and time zone",
       "release",
       {"LC_ALL=C.UTF-8", "LANG=de_DE.UTF-8", "TZ=Asia/Tokyo", "HOME=/nonexistent"}},
  };
  return table;
}

// All that a run leaves behind: what it printed, and its files by their path in the output folder.
using Outputs = std::map<std::string, std::string>;

Outputs outputs_of(const Way& way, std::vector<std::string> arguments, const std::string& folder) {
  std::filesystem::remove_all(folder);
  arguments.insert(arguments.begin(), srtctl_of_preset(way.preset));
  arguments.insert(arguments.end(), {"-o", folder, "--json"});
  const Finished run = run_program(arguments, way.environment);
  EXPECT_EQ(run.exit_code, 0) << way.name << ": " << run.err;

  Outputs outputs;
  outputs["standard output"] = without_timings(run.out);
  if (!std::filesystem::exists(folder)) return outputs;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == "host.json") continue;
    outputs[std::filesystem::relative(entry.path(), folder).string()] = read_text(entry.path().string());
  }
  return outputs;
}

std::vector<std::string> names_in(const Outputs& outputs) {
  std::vector<std::string> names;
  for (const auto& [name, text] : outputs) names.push_back(name);
  return names;
}

void expect_same_everywhere(const std::vector<std::string>& arguments, std::size_t fewest_files) {
  for (const Way& way : ways()) {
    ASSERT_TRUE(std::filesystem::exists(srtctl_of_preset(way.preset)))
        << "no build of preset " << way.preset << ": run ./dev test";
  }
  const std::string folder = scratch_folder() + "/out";
  const Outputs expected = outputs_of(ways().front(), arguments, folder);
  ASSERT_GE(expected.size(), fewest_files + 1);
  for (const Way& way : ways()) {
    const Outputs outputs = outputs_of(way, arguments, folder);
    EXPECT_EQ(names_in(outputs), names_in(expected)) << way.name;
    for (const auto& [name, text] : outputs) {
      EXPECT_FALSE(text.empty()) << name;
      const auto other = expected.find(name);
      EXPECT_TRUE(other != expected.end() && other->second == text) << name << " differs: " << way.name;
    }
  }
}

std::vector<std::string> with_small_trace(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--trace", small_trace()});
  return arguments;
}

TEST(Determinism, Compare) {
  const std::vector<std::string> arguments = {"compare", "-f", std::string(kAggregated), "-f", std::string(kDisaggregated)};
  expect_same_everywhere(with_small_trace(arguments), 6);
}

TEST(Determinism, ARandomPolicyDrawsFromTheSeed) {
  const std::vector<std::string> arguments = {"simulate", "-f",    std::string(kAggregated),     "--seed",
                                              "7",        "--set", "frontend.args.policy=random"};
  expect_same_everywhere(with_small_trace(arguments), 3);
}

TEST(Determinism, APolicyThatEstimatesTimes) {
  const std::vector<std::string> arguments = {"simulate",
                                              "-f",
                                              std::string(kAggregated),
                                              "--set",
                                              "frontend.type=srtctl",
                                              "--set",
                                              "frontend.args.policy=slo",
                                              "--set",
                                              "engine.view_delay_ms=5",
                                              "--speed",
                                              "2.5"};
  expect_same_everywhere(with_small_trace(arguments), 3);
}

TEST(Determinism, AStandInTraceIsTheSameEverywhere) {
  const std::string file = scratch_folder() + "/trace.jsonl";
  const std::string expected = read_text(small_trace());
  ASSERT_FALSE(expected.empty());
  for (const Way& way : ways()) {
    std::filesystem::remove(file);
    const Finished run = run_program(
        {srtctl_of_preset(way.preset), "trace", "synthesize", "--like", "conversation", "--requests", "400", "-o", file},
        way.environment);
    EXPECT_EQ(run.exit_code, 0) << way.name << ": " << run.err;
    EXPECT_TRUE(read_text(file) == expected) << way.name;
  }
}

TEST(Determinism, AnotherSeedGivesAnotherRun) {
  const auto run_with_seed = [](const std::string& seed) {
    return srtctl(with_small_trace(
        {"simulate", "-f", std::string(kAggregated), "--seed", seed, "--set", "frontend.args.policy=random", "--json"}));
  };
  const Finished first = run_with_seed("1");
  const Finished second = run_with_seed("2");
  EXPECT_EQ(first.exit_code, 0) << first.err;
  EXPECT_NE(without_timings(first.out), without_timings(second.out));
}

// The test above would prove nothing if the tunable did nothing: glibc's exp gives other bits with FMA than without it.
TEST(Determinism, FmaIsReallyHidden) {
  const Finished with = run_program({FMA_PROBE});
  const Finished without = run_program({FMA_PROBE}, {kHideFma});
  ASSERT_EQ(with.exit_code, 0);
  ASSERT_EQ(without.exit_code, 0);
  if (with.out.starts_with("fma")) {
    EXPECT_NE(with.out, without.out);
  } else {
    EXPECT_EQ(with.out, without.out);
  }
}

TEST(Determinism, TimingsAloneAreLeftOutOfTheComparison) {
  EXPECT_EQ(without_timings("{\"a\":1,\"wall_s\":0.25,\"b\":{\"cpu_s\": 3}}"), "{\"a\":1,\"wall_s\":,\"b\":{\"cpu_s\":}}");
  EXPECT_EQ(without_timings("{\"a\":1}"), "{\"a\":1}");
}

}  // namespace
}  // namespace infbench::tests
