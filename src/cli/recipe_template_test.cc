// The recipes that init writes are recipes.
#include "cli/recipe_template.h"

#include <gtest/gtest.h>

#include "cli/deployment_text.h"
#include "plan/plan.h"
#include "recipe/read_recipe.h"
#include "simulate/cluster.h"

namespace infbench::cli {
namespace {

TEST(RecipeTemplate, EveryWishIsPlannedAndBuiltOnAllItsGpus) {
  for (const int gpus : {1, 2, 4, 8, 16, 64}) {
    for (const int tp : {0, 1, 2, 4}) {
      for (const bool pairs : {false, true}) {
        const int each = tp > 0 ? tp : std::min(2, gpus);
        if (each > gpus || (pairs && gpus / each < 2)) continue;
        SCOPED_TRACE(testing::Message() << gpus << " GPUs, tp " << tp << (pairs ? ", disaggregated" : ""));
        const auto text = recipe_template({.gpus = gpus, .tp = tp, .pairs = pairs, .policy = {}});
        ASSERT_TRUE(text) << format_errors(text.error());
        const auto recipe = recipe::read_recipe_text(*text, "recipe.yaml");
        ASSERT_TRUE(recipe) << format_errors(recipe.error()) << *text;
        EXPECT_EQ(recipe->disaggregated(), pairs);
        const auto plan = plan::make_plan(*recipe, plan::placeholder_inventory(recipe->nodes()));
        ASSERT_TRUE(plan) << format_errors(plan.error()) << *text;
        EXPECT_EQ(gpus_of(*plan), gpus);
        const auto cluster = simulate::build_cluster(*recipe, *plan, "data");
        EXPECT_TRUE(cluster) << format_errors(cluster.error());
      }
    }
  }
}

TEST(RecipeTemplate, WishesThatCannotBeAreRefused) {
  struct Case {
    InitOptions wish;
    const char* part;
  };
  const Case table[] = {
      {{.gpus = 12, .policy = {}}, "whole nodes of 8"},  {{.gpus = 0, .policy = {}}, "--gpus"},
      {{.gpus = 8, .tp = 3, .policy = {}}, "divides"},   {{.gpus = 2, .pairs = true, .policy = {}}, "two workers"},
      {{.model = "a: b", .policy = {}}, "model's name"}, {{.model = "", .policy = {}}, "model's name"}};
  for (const Case& c : table) {
    const auto text = recipe_template(c.wish);
    ASSERT_FALSE(text) << c.part;
    EXPECT_NE(format_errors(text.error()).find(c.part), std::string::npos) << format_errors(text.error());
  }
}

}  // namespace
}  // namespace infbench::cli
