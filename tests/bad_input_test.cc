// What people get wrong: each mistake ends with exit code 2 and a message that says what, where and what to do.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "srtctl.h"

namespace infbench::tests {
namespace {

void expect_refused(const std::vector<std::string>& arguments, const std::vector<std::string>& expected) {
  std::string command = "srtctl";
  for (const std::string& argument : arguments) command += " " + argument;
  const Finished run = srtctl(arguments);
  EXPECT_EQ(run.exit_code, 2) << command << "\n" << run.err;
  EXPECT_EQ(run.out, "") << command;
  EXPECT_FALSE(run.err.empty()) << command;
  for (const std::string& text : expected) {
    EXPECT_NE(run.err.find(text), std::string::npos) << command << "\nexpected: " << text << "\nprinted: " << run.err;
  }
}

std::vector<std::string> simulate_with(std::vector<std::string> more, const std::string& recipe = std::string(kAggregated)) {
  more.insert(more.begin(), {"simulate", "-f", recipe});
  return more;
}

TEST(BadInput, CommandLines) {
  const std::string a(kAggregated);
  const std::string d(kDisaggregated);
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> expected;
  };
  const std::vector<Case> table = {
      {{}, {"subcommand", "--help"}},
      {{"simulat", "-f", a}, {"simulat", "--help"}},
      {{"simulate"}, {"--file", "srtctl simulate --help"}},
      {{"simulate", "-f", a, "--sped", "2"}, {"--sped"}},
      {{"simulate", "-f", a, "--speed", "0"}, {"--speed"}},
      {{"simulate", "-f", a, "--speed", "-1"}, {"--speed"}},
      {{"simulate", "-f", a, "--speed", "fast"}, {"--speed", "fast"}},
      {{"simulate", "-f", a, "--speed", "nan", "--trace", small_trace()}, {"--speed"}},
      {{"simulate", "-f", a, "--seed", "-1", "--trace", small_trace()}, {"--seed"}},
      {{"simulate", "-f", a, "-f", d}, {"srtctl compare"}},
      {{"compare", "-f", a}, {"two recipes"}},
      {{"simulate", "-f", a, "--trace", "x", "--workload", "conversation"}, {"--workload", "--trace"}},
      {{"simulate", "-f", a, "--workload", "conversations"}, {"conversations", "conversation"}},
      {{"trace"}, {"subcommand"}},
      {{"trace", "analyze"}, {"file"}},
      {{"trace", "fetch", "conversations"}, {"conversations", "conversation"}},
      {{"trace", "synthesize", "--like", "mooncake", "-o", "/dev/null"}, {"mooncake", "conversation"}},
      {{"trace", "synthesize", "--like", "conversation"}, {"--output"}},
      {{"trace", "synthesize", "--like", "conversation", "--requests", "-3", "-o", "/dev/null"}, {"--requests"}},
      {{"trace", "synthesize", "--like", "conversation", "--requests", "5", "-o", "/nonexistent/x"}, {"/nonexistent/x"}},
      {{"dry-run", "-f", "no-such-recipe.yaml"}, {"no-such-recipe.yaml"}},
  };
  for (const Case& c : table) expect_refused(c.arguments, c.expected);
}

TEST(BadInput, OptionsOfARun) {
  const std::string file = write_text(scratch_folder() + "/a_file", "x");
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> expected;
  };
  const std::vector<Case> table = {
      {simulate_with({"--trace", "no-such-trace.jsonl"}), {"no-such-trace.jsonl"}},
      {simulate_with({"--trace", "src"}), {"src"}},
      {simulate_with({"--trace", small_trace(), "-o", file + "/below"}), {file}},
      {simulate_with({"--trace", small_trace(), "--set", "nothing"}), {"nothing"}},
      {simulate_with({"--trace", small_trace(), "--set", "frontend.tipe=sglang"}), {"tipe", "did you mean 'type'?"}},
      {simulate_with({"--trace", small_trace(), "--set", "resources.agg_workers=many"}), {"agg_workers", "many"}},
      {simulate_with({"--trace", small_trace(), "--set", "benchmark.ttft_threshold_ms=0"}), {"ttft_threshold_ms", "0"}},
  };
  for (const Case& c : table) {
    expect_refused(c.arguments, c.expected);
    std::vector<std::string> json = c.arguments;
    json.emplace_back("--json");
    expect_refused(json, c.expected);
  }
}

// The aggregated recipe with a part of its text replaced, so that each case shows just the mistake.
struct BadRecipe {
  std::string part;
  std::string replacement;
  std::vector<std::string> expected;
};

const std::vector<BadRecipe>& bad_recipes() {
  static const std::vector<BadRecipe> table = {
      {"agg_workers: 8", "agg_wokers: 8", {"agg_wokers", "did you mean 'agg_workers'?", "^"}},
      {"agg_workers: 8", "agg_workers: eight", {"agg_workers", "eight", "^"}},
      {"agg_workers: 8", "agg_workers: 8\n  agg_workers: 8", {"agg_workers", "^"}},
      {"agg_workers: 8", "agg_workers: -8", {"-8", "^"}},
      {"agg_workers: 8", "agg_workers: 80", {"agg_workers"}},
      {"gpu_type: h200", "gpu_type: [h200]", {"gpu_type", "^"}},
      {"gpu_type: h200", "gpu_type: h2000", {"h2000"}},
      {"ttft_threshold_ms: 2000", "ttft_threshold_ms: 0", {"ttft_threshold_ms", "^"}},
      {"itl_threshold_ms: 25", "itl_threshold_ms: -25", {"-25", "^"}},
      {"itl_threshold_ms: 25", "itl_threshold: 25", {"did you mean 'itl_threshold_ms'?", "^"}},
      {"mooncake_workload: conversation", "mooncake_workload: conversations", {"did you mean 'conversation'?", "^"}},
      {"policy: round_robin", "policy: round_robbin", {"did you mean 'round_robin'?", "^"}},
      {"policy: round_robin", "policy: min_ttft", {"min_ttft", "^"}},
      {"policy: round_robin", "policy: bucket", {"bucket"}},
      {"type: sglang", "type: sglange", {"sglange", "did you mean 'sglang'?", "^"}},
      {"tensor-parallel-size: 2", "tensor-parallel-size: 16", {"tensor-parallel-size", "16"}},
      {"agg_workers: 8", "agg_workers: [8", {"bad.yaml:"}},
      {"  agg_workers: 8", "\tagg_workers: 8", {"bad.yaml:"}},
      {"agg_workers: 8", "agg_workers: 8 # \xff", {"UTF-8"}},
  };
  return table;
}

TEST(BadInput, Recipes) {
  const std::string good = read_text(std::string(kAggregated));
  const std::string file = scratch_folder() + "/bad.yaml";
  for (const BadRecipe& bad : bad_recipes()) {
    const std::size_t at = good.find(bad.part);
    ASSERT_NE(at, std::string::npos) << kAggregated << " has no '" << bad.part << "'";
    write_text(file, std::string(good).replace(at, bad.part.size(), bad.replacement));
    std::vector<std::string> expected = bad.expected;
    expected.push_back(file + ":");
    expect_refused(simulate_with({"--trace", small_trace()}, file), expected);
  }
}

TEST(BadInput, AllMistakesOfARecipeInOnePass) {
  std::string text = read_text(std::string(kAggregated));
  const std::vector<std::string_view> expected = {"agg_wokers", "ttft_threshold_m", "round_robbin"};
  for (const auto& [part, wrong] :
       std::vector<std::pair<std::string_view, std::string_view>>{{"agg_workers:", "agg_wokers:"},
                                                                  {"ttft_threshold_ms:", "ttft_threshold_m:"},
                                                                  {"policy: round_robin", "policy: round_robbin"}}) {
    ASSERT_NE(text.find(part), std::string::npos) << part;
    text.replace(text.find(part), part.size(), wrong);
  }
  const std::string file = write_text(scratch_folder() + "/bad.yaml", text);
  expect_refused({"dry-run", "-f", file}, {expected.begin(), expected.end()});
}

TEST(BadInput, NotEvenARecipe) {
  for (const std::string_view text : {"", "- a\n- list\n", "just words\n", "{}\n", "a: &x [*x]\n"}) {
    const std::string file = write_text(scratch_folder() + "/bad.yaml", text);
    expect_refused({"dry-run", "-f", file}, {"bad.yaml"});
  }
}

struct BadTrace {
  std::string text;
  std::vector<std::string> expected;
};

const std::vector<BadTrace>& bad_traces() {
  static const std::string good = R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})"
                                  "\n";
  static const std::vector<BadTrace> table = {
      {"", {"bad.jsonl"}},
      {good + R"({"timestamp": 1, "input_length": 600, "hash_ids": [1, 2]})"
              "\n",
       {":2:", "output_length"}},
      {good + R"({"timestamp": "soon", "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})"
              "\n",
       {":2:", "timestamp"}},
      {good + R"({"timestamp": 1, "input_length": 0, "output_length": 5, "hash_ids": []})"
              "\n",
       {":2:", "input_length"}},
      {good + R"({"timestamp": 1, "input_length": 600, "output_length": -5, "hash_ids": [1, 2]})"
              "\n",
       {":2:", "output_length", "-5"}},
      {good + R"({"timestamp": 1, "input_length": 600, "output_length": 5, "hash_ids": [1, 2, 3]})"
              "\n",
       {":2:", "hash_ids"}},
      {good + R"({"timestamp": 1, "input_length": 600, "output_length": 5, "hash_ids": 1})"
              "\n",
       {":2:", "hash_ids"}},
      {good + "{\"timestamp\": 1,, }\n", {":2:"}},
      {good + "[1, 2]\n", {":2:"}},
      {good + "{\"timestamp\": 1, \"x\": \"\xff\"}\n", {":2:", "UTF-8"}},
      {good + R"({"timestamp": 1, "input_len)", {":2:"}},
      {R"({"timestamp": 0})"
       "\n" +
           good +
           R"({"timestamp": 0})"
           "\n",
       {":1:", ":3:"}},
  };
  return table;
}

TEST(BadInput, Traces) {
  const std::string file = scratch_folder() + "/bad.jsonl";
  for (const BadTrace& bad : bad_traces()) {
    write_text(file, bad.text);
    expect_refused({"trace", "analyze", file}, bad.expected);
    expect_refused({"trace", "analyze", file, "--json"}, bad.expected);
    expect_refused(simulate_with({"--trace", file}), bad.expected);
  }
}

}  // namespace
}  // namespace infbench::tests
