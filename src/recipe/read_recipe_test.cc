// What good recipes mean, and files that are no recipes at all.
#include "recipe/read_recipe.h"

#include <cstdio>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "recipe/recipe_samples.h"
#include "recipe/text_file.h"

namespace infbench::recipe {
namespace {

using ::testing::ElementsAre;

Recipe good(const Result<Recipe>& recipe) {
  EXPECT_TRUE(recipe.has_value()) << (recipe.has_value() ? "" : format_errors(recipe.error()));
  return recipe.value_or(Recipe{});
}

Recipe good_text(const std::string& text, const std::vector<std::string>& sets = {}) {
  return good(read_recipe_text(text, "r.yaml", all_set(sets)));
}

std::string errors_of(const Result<Recipe>& recipe) { return recipe.has_value() ? "no error" : format_errors(recipe.error()); }

TEST(ReadRecipe, Aggregated) {
  const Recipe recipe = good_text(std::string(kAggregated));
  EXPECT_EQ(recipe.name, "sample");
  EXPECT_FALSE(recipe.disaggregated());
  EXPECT_EQ(recipe.nodes(), 2);
  ASSERT_EQ(recipe.groups().size(), 1U);
  EXPECT_EQ(recipe.groups()[0].workers, 8);
  EXPECT_EQ(recipe.groups()[0].gpus_per_worker, 2);
  EXPECT_EQ(recipe.policy(Stage::whole), "round_robin");
  EXPECT_EQ(recipe.served_model_name(), "Qwen3-32B") << "the last part of model.path";
  EXPECT_EQ(recipe.slo().ttft, milliseconds(2000));
  EXPECT_EQ(recipe.slo().itl, milliseconds(25));
  EXPECT_EQ(recipe.health_check.max_attempts, 180);
  EXPECT_EQ(recipe.engine.link_gbps, 400);
  EXPECT_EQ(recipe.engine.link_us, 10);
  EXPECT_FALSE(recipe.engine.kv_tokens.has_value());
}

TEST(ReadRecipe, DisaggregatedSharesNodes) {
  const Recipe recipe = good_text(std::string(kDisaggregated));
  EXPECT_TRUE(recipe.disaggregated());
  EXPECT_EQ(recipe.nodes(), 2);
  ASSERT_EQ(recipe.groups().size(), 2U);
  EXPECT_EQ(recipe.groups()[0].role, Role::prefill);
  EXPECT_EQ(recipe.groups()[0].workers, 6);
  EXPECT_EQ(recipe.groups()[0].gpus_per_worker, 2) << "16 / 6, rounded down";
  EXPECT_EQ(recipe.groups()[1].gpus_per_worker, 2) << "decode_nodes 0: as prefill";
  EXPECT_EQ(recipe.benchmark.mooncake_workload, "conversation");
  EXPECT_EQ(recipe.benchmark.ttft_threshold_ms, 2000);
  EXPECT_EQ(recipe.benchmark.itl_threshold_ms, 25);
}

TEST(ReadRecipe, ShippedRecipesAndTheirOverrides) {
  const std::vector<std::string> sets{"frontend.type=srtctl", "frontend.args.policy=min_ttft"};
  for (const std::string name : {"agg-round-robin", "disagg-kv-router"}) {
    const std::string path = "recipies/qwen3-32b/" + name + ".yaml";
    const Recipe recipe = good(read_recipe(path));
    const Recipe ours = good(read_recipe(path, all_set(sets)));
    EXPECT_EQ(recipe.file, path);
    EXPECT_EQ(recipe.policy(Stage::prefill), name == "agg-round-robin" ? "round_robin" : "cache_aware");
    EXPECT_EQ(ours.policy(Stage::prefill), "min_ttft");
    EXPECT_EQ(ours.policy(Stage::decode), "min_ttft");
    EXPECT_EQ(recipe.served_model_name(), "Qwen/Qwen3-32B");
    EXPECT_EQ(recipe.resources.gpu_type, "h200");
    EXPECT_EQ(recipe.model.precision, "bf16");
    for (const WorkerGroup& group : recipe.groups()) {
      const EngineFlags flags = recipe.engine_flags(group.role);
      EXPECT_EQ(flags.tensor_parallel_size, 2);
      EXPECT_EQ(flags.page_size, 64);
      EXPECT_EQ(flags.context_length, 131072);
      EXPECT_EQ(flags.mem_fraction_static, 0.9);
      EXPECT_EQ(flags.chunked_prefill_size, 8192);
    }
  }
}

TEST(ReadRecipe, PolicyDefaultsAndStages) {
  struct Row {
    Edits edits;
    std::string whole, prefill, decode;
  };
  const std::vector<Row> rows{
      {{}, "cache_aware", "cache_aware", "cache_aware"},
      {{{"type: sglang", "type: srtctl"}}, "slo", "slo", "slo"},
      {{{"backend:", "  args: {prefill_policy: bucket, decode-policy: random}\nbackend:"}}, "cache_aware", "bucket", "random"},
      {{{"backend:", "  args: {policy: random, prefill-policy: manual}\nbackend:"}}, "random", "manual", "random"},
      {{{"backend:", "  args: {policy: null}\nbackend:"}}, "cache_aware", "cache_aware", "cache_aware"},
  };
  for (const Row& row : rows) {
    const Recipe recipe = good_text(edited(kDisaggregated, row.edits));
    EXPECT_EQ(recipe.policy(Stage::whole), row.whole);
    EXPECT_EQ(recipe.policy(Stage::prefill), row.prefill);
    EXPECT_EQ(recipe.policy(Stage::decode), row.decode);
  }
}

TEST(ReadRecipe, FlagsBecomeWords) {
  const std::string text = edited(kAggregated, {{"      page-size: 64\n", R"(      page_size: 64
      trust_remote_code: true
      enable-metrics: false
      revision: ~
      mem-fraction-static: 0.90
      cuda-graph-bs: [1, 2, 4]
      json-model-override-args: {rope_scaling: {factor: 4.0, "quoted": '8', on_: [true, null]}}
)"}});
  const Recipe recipe = good_text(text);
  EXPECT_THAT(to_argv(*recipe.groups()[0].flags),
              ElementsAre("--cuda-graph-bs", "1", "2", "4", "--json-model-override-args",
                          R"({"rope_scaling":{"factor":4.0,"quoted":"8","on_":[true,null]}})", "--mem-fraction-static", "0.9",
                          "--page-size", "64", "--tensor-parallel-size", "2", "--trust-remote-code"));
}

TEST(ReadRecipe, FlagsKeepTheirPlaces) {
  const Recipe recipe = good_text(std::string(kAggregated), {"backend.sglang_config.aggregated.page_size=32"});
  const Flags& flags = *recipe.groups()[0].flags;
  EXPECT_EQ(flags.find("tensor-parallel-size")->place, (Place{0, 20, 7}));
  EXPECT_EQ(flags.find("tensor-parallel-size")->value.place, (Place{0, 20, 29}));
  EXPECT_EQ(flags.find("page-size")->value.place, (Place{1, 1, 50})) << "from the override";
  EXPECT_EQ(flags.integer("page-size"), 32);
}

TEST(ReadRecipe, ChunkDefaults) {
  const std::vector<std::pair<std::string_view, Tokens>> rows{{"h200", 8192}, {"h100", 8192}, {"b200", 16384}, {"l40s", 4096}};
  for (const auto& [gpu, tokens] : rows) EXPECT_EQ(default_chunked_prefill_size(gpu), tokens) << gpu;
  const Recipe uncut = good_text(edited(kAggregated, {{"page-size: 64", "chunked-prefill-size: -1"}}));
  EXPECT_FALSE(uncut.engine_flags(Role::aggregated).chunked_prefill_size.has_value());
  EXPECT_EQ(uncut.engine_flags(Role::aggregated).page_size, 1);
}

TEST(ReadRecipe, OverridesReplaceAndAdd) {
  const Recipe recipe = good_text(std::string(kAggregated), {
                                                                "name=other",
                                                                "benchmark.ttft_threshold_ms=1000",
                                                                "benchmark.ttft_threshold_ms=500",
                                                                "engine.kv_tokens=1000",
                                                                "environment.A=b",
                                                                "backend.sglang_config.aggregated.tp_size=4",
                                                                "resources={gpu_type: h100, agg_nodes: 2, agg_workers: 2}",
                                                            });
  EXPECT_EQ(recipe.name, "other");
  EXPECT_EQ(recipe.benchmark.ttft_threshold_ms, 500) << "the later one counts";
  EXPECT_EQ(recipe.engine.kv_tokens, 1000);
  EXPECT_EQ(recipe.environment, (StringMap{{"A", "b"}}));
  EXPECT_EQ(recipe.engine_flags(Role::aggregated).tensor_parallel_size, 4) << "an alias is the same flag";
  EXPECT_EQ(recipe.resources.gpus_per_node, 4) << "the default of the reference";
}

TEST(ReadRecipe, NullIsNotGiven) {
  const Recipe recipe =
      good_text(edited(kAggregated, {{"agg_workers: 8", "agg_workers: 8\n  prefill_nodes: null\n  gpus_per_agg: ~"},
                                     {"frontend:", "slurm: {account: null}\nfrontend:"}}));
  EXPECT_FALSE(recipe.disaggregated());
  EXPECT_FALSE(recipe.slurm.account.has_value());
}

TEST(ReadRecipe, AnchorsByteOrderMarkAndCarriageReturns) {
  std::string text = edited(kDisaggregated, {{"    prefill:", "    prefill: &flags"},
                                             {"    decode:\n      tensor-parallel-size: 2\n", "    decode: *flags\n"}});
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) text.replace(at, 1, "\r\n");
  const Recipe recipe = good_text("\xEF\xBB\xBF" + text);
  EXPECT_EQ(recipe.engine_flags(Role::decode).tensor_parallel_size, 2);
}

TEST(ReadRecipe, NoRecipeAtAll) {
  std::string deep = "name: ";
  for (int i = 0; i < 100; ++i) deep += '[';
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c) {
    bomb += fmt::format("{0}: &{0} [*{1},*{1},*{1},*{1}]\n", c, static_cast<char>(c - 1));
  }
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", "r.yaml:1:1: the file is empty: a recipe begins with name: and model:\n"},
      {"# only this\n", "r.yaml:1:1: the file is empty: a recipe begins with name: and model:\n  # only this\n  ^\n"},
      {"- a\n", "r.yaml:1:1: the recipe: expected a section (a mapping of keys), found a list\n  - a\n  ^\n"},
      {"text\n", "r.yaml:1:1: the recipe: expected a section (a mapping of keys), found the text 'text'\n  text\n  ^\n"},
      {std::string("name: x\0y\n", 10), "r.yaml:1:8: expected text, found the control character 0x00: remove it\n"},
      {"\xFF\xFEn\n", "r.yaml:1:1: expected UTF-8 text, found the byte 0xff: save the file as UTF-8\n"},
      {"name: x\nmodel: \xC3\xA4\xC3\n", "r.yaml:2:10: expected UTF-8 text, found the byte 0xc3: save the file as UTF-8\n"},
      {deep, "nested more than 32 levels deep"},
      {bomb, "more than 100000 values"},
      {std::string(kMostRecipeBytes + 1, '#'), "r.yaml: expected a recipe of at most 1048576 bytes: is it a recipe?\n"},
  };
  for (const auto& [text, error] : rows) {
    const std::string found = errors_of(read_recipe_text(text, "r.yaml"));
    EXPECT_THAT(found, error.ends_with('\n') ? ::testing::Matcher<std::string>(error) : ::testing::HasSubstr(error));
  }
}

TEST(ReadRecipe, FilesThatCannotBeRead) {
  EXPECT_EQ(errors_of(read_recipe("no/such.yaml")), "no/such.yaml: cannot be opened: No such file or directory\n");
  EXPECT_THAT(errors_of(read_recipe(::testing::TempDir())), ::testing::HasSubstr("cannot be read: Is a directory"));
}

TEST(ReadRecipe, SixMistakesInOnePassInOrderOfPlace) {
  const std::string text = edited(kAggregated, {{"name: sample", "nme: sample"},
                                                {"precision: bf16", "precision: int3"},
                                                {"agg_workers: 8", "agg_workers: \"8\""},
                                                {"policy: round_robin", "policy: cache_awre"},
                                                {"      page-size: 64", "      page-size: 64\n      page_size: 64"},
                                                {"ttft_threshold_ms: 2000", "ttft_threshold_ms: 0"}});
  EXPECT_EQ(errors_of(read_recipe_text(text, "r.yaml")),
            R"(r.yaml:1:1: unknown key 'nme': did you mean 'name'?
  nme: sample
  ^
r.yaml:5:14: model.precision: expected one of bf16, fp16, fp8, fp4, nvfp4, mxfp4, int8, int4, found 'int3': did you mean 'int8'?
    precision: int3
               ^
r.yaml:10:16: resources.agg_workers: expected an integer, found the text "8" in quotes: remove the quotes
    agg_workers: "8"
                 ^
r.yaml:15:13: frontend.args.policy: expected one of cache_aware, round_robin, random, power_of_two, manual, found 'cache_awre': )"
            R"(did you mean 'cache_aware'?
      policy: cache_awre
              ^
r.yaml:22:7: duplicate key 'page_size': as 'page-size' stands on line 21 already
        page_size: 64
        ^
r.yaml:26:22: benchmark.ttft_threshold_ms: expected a number above 0 and at most 86400000, found 0: )"
            R"(leave the key out for the default of 2000
    ttft_threshold_ms: 0
                       ^
)");
}

TEST(ReadRecipe, ErrorOfAnOverrideShowsTheOverride) {
  const std::vector<std::string> sets{"frontend.args.polcy=min_ttft"};
  EXPECT_EQ(errors_of(read_recipe_text(kAggregated, "r.yaml", all_set(sets))),
            "r.yaml: --set:1:21: unknown key 'polcy' in frontend.args: did you mean 'policy'?\n"
            "  --set frontend.args.polcy=min_ttft\n"
            "                      ^\n");
}

// A recipe with some of its bytes changed, put in or taken out.
std::string damaged() {
  std::string text(*rc::gen::arbitrary<bool>() ? kAggregated : kDisaggregated);
  const int changes = *rc::gen::inRange(1, 4);
  for (int i = 0; i < changes; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const std::string part =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("\n\t :-[]{}'\"&*!|>#?0a,%@`~<.\xC3\x01")));
    text.replace(at, *rc::gen::inRange<std::size_t>(0, 8), part);
  }
  return text;
}

RC_GTEST_PROP(ReadRecipeProperties, DamagedTextGivesARecipeOrErrorsInOrder, ()) {
  const Result<Recipe> recipe = read_recipe_text(damaged(), "r.yaml");
  if (recipe.has_value()) return;
  RC_ASSERT(!recipe.error().empty());
  std::pair<int, int> before{0, 0};
  for (const Error& error : recipe.error()) {
    const std::pair<int, int> place{error.line, error.column};
    RC_ASSERT(place >= before);
    RC_ASSERT(error.line > 0);
    RC_ASSERT(error.column > 0);
    RC_ASSERT(!error.what.empty());
    before = place;
  }
}

}  // namespace
}  // namespace infbench::recipe
