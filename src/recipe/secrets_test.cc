// What is kept from readers: by which names, and that a recipe without its secrets is still a recipe.
#include "recipe/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"
#include "recipe/yaml_resolved.h"

namespace infbench::recipe {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Secrets, ByTheirNames) {
  for (const auto& [name, secret] : std::vector<std::pair<std::string, bool>>{{"HF_TOKEN", true},
                                                                              {"OPENAI_API_KEY", true},
                                                                              {"AWS_SECRET_ACCESS", true},
                                                                              {"apikey", true},
                                                                              {"DB_PASSWORD", true},
                                                                              {"TOKENIZERS_PARALLELISM", false},
                                                                              {"MAX_TOKENS", false},
                                                                              {"--tokenizer", false},
                                                                              {"--api-key", true}}) {
    EXPECT_EQ(is_secret(name), secret) << name;
  }
}

TEST(LineWithoutSecrets, FromTheFirstOneOn) {
  for (const auto& [line, shown] : std::vector<std::pair<std::string, std::string>>{
           {"name: x", "name: x"},
           {"HF_TOKEN: kept", "HF_TOKEN: ***"},
           {"  \"HF_TOKEN\" : kept", "  \"HF_TOKEN\" : ***"},
           {"environment={HF_TOKEN : kept, A: kept}", "environment={HF_TOKEN : ***"},
           {"environment.HF_TOKEN=kept", "environment.HF_TOKEN=***"},
           {"HF_TOKEN: 12 kept", "HF_TOKEN: ***"},
           {"HF_TOKEN: 12, kept", "HF_TOKEN: ***"},
           {"HF_TOKEN: true] kept", "HF_TOKEN: ***"},
           {"max-token: 12", "max-token: 12"},
           {"max-token: 12  # at most", "max-token: 12  # at most"},
           {"{max-token: 12, a: b}", "{max-token: 12, a: b}"},
           {"{max-token: [12], a: b}", "{max-token: ***"},  // it is no number; rather too little than too much
           {"{max-token: true}", "{max-token: true}"},
           {"{max-token: 12, HF_TOKEN: kept}", "{max-token: 12, HF_TOKEN: ***"}}) {
    EXPECT_EQ(line_without_secrets(line), shown);
  }
}

TEST(LineWithoutSecrets, OfAValueOnLinesOfItsOwnThereIsNone) {
  struct Case {
    std::vector<std::string> lines;  // the last is asked for
    bool hidden;
  };
  for (const Case& c : std::vector<Case>{{{"environment:", "  HF_TOKEN:", "    kept"}, true},
                                         {{"environment:", "  HF_TOKEN:", "    - kept"}, true},
                                         {{"environment:", "  HF_TOKEN:", "  - kept"}, true},
                                         {{"environment:", "  HF_TOKEN: |", "", "    kept", "    kept"}, true},
                                         {{"environment:", "  HF_TOKEN: \"kept", "   kept\""}, true},
                                         {{"{environment: {HF_TOKEN:", "kept"}, true},
                                         {{"environment:", "  HF_TOKEN: 12", "  A: b"}, false},
                                         {{"environment:", "  HF_TOKEN: kept", "", "name: x"}, false},
                                         {{"environment:", "  A: b"}, false},
                                         {{"name: x"}, false}}) {
    EXPECT_EQ(continues_a_secret(c.lines, c.lines.size() - 1), c.hidden) << c.lines.back();
  }
}

TEST(Secrets, EverywhereInARecipe) {
  const std::string text = edited(
      kAggregated,
      {{"name: sample", "name: sample\nenvironment: {HF_TOKEN: kept1, A: shown1}"},
       {"backend:\n", "backend:\n  aggregated_environment: {MY_SECRET: kept2}\n"},
       {"  args:\n", "  env: {X_PASSWORD: kept3}\n  args:\n    api-key: kept4\n"},
       {"      page-size: 64\n",
        "      page-size: 64\n      api-key: kept5\n      kt-max-deferred-experts-per-token: 77\n"
        "      bucket-time-to-first-token: [5.5]\n"},
       {"  type: mooncake-router\n",
        "  type: mooncake-router\n  client: aiperf\n  aiperf_args: {api-key: kept6, header: \"authorization: Bearer kept8\"}\n"
        "  env: {HF_TOKEN: kept7}\n"}});
  const auto recipe = read_recipe_text(text, "r.yaml");
  ASSERT_TRUE(recipe.has_value()) << format_errors(recipe.error());
  EXPECT_TRUE(has_secrets(*recipe));
  const std::string whole = resolved_yaml(*recipe);
  const std::string hidden = resolved_yaml(without_secrets(*recipe));
  for (int i = 1; i <= 8; ++i) EXPECT_THAT(whole, HasSubstr("kept" + std::to_string(i)));
  EXPECT_THAT(hidden, Not(HasSubstr("kept")));
  EXPECT_THAT(hidden, HasSubstr("shown1"));
  EXPECT_THAT(hidden, HasSubstr("kt-max-deferred-experts-per-token: 77")) << "a number is no secret";
  const auto again = read_recipe_text(hidden, "resolved.yaml");
  ASSERT_TRUE(again.has_value()) << format_errors(again.error());
  EXPECT_EQ(resolved_yaml(*again), hidden);
  EXPECT_FALSE(has_secrets(*read_recipe_text(kAggregated, "r.yaml")));
}

}  // namespace
}  // namespace infbench::recipe
