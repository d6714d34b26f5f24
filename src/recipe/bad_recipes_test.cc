// Bad recipes, each with all of its errors: see bad_recipes_for_test.h.
#include "recipe/bad_recipes_for_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/read_recipe.h"

namespace infbench::recipe {
namespace {

std::string in_short(const Error& error) {
  const std::string source = error.file.ends_with(": --set") ? "--set:" : "";
  const std::string hint = error.hint.empty() ? "" : ": " + error.hint;
  return source + std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.what + hint;
}

class BadRecipes : public ::testing::TestWithParam<const char*> {};

TEST_P(BadRecipes, GiveAllTheirErrors) {
  const std::vector<test::BadRecipe> rows = test::read_bad_recipes(GetParam());
  ASSERT_GE(rows.size(), 15U) << "run the tests from the project's root";
  for (const test::BadRecipe& row : rows) {
    const std::optional<std::string> text = test::changed(row.base, row.changes);
    ASSERT_TRUE(text) << row.why << ": the lines to take out are not there";
    const Result<Recipe> recipe = read_recipe_text(*text, "r.yaml", all_set(row.sets));
    std::vector<std::string> found;
    for (const Error& error : recipe.has_value() ? Errors{} : recipe.error()) {
      found.push_back(in_short(error));
      EXPECT_FALSE(error.source_line.empty()) << row.why << ": no source line for the caret";
    }
    EXPECT_EQ(found, row.errors) << row.why;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, BadRecipes, ::testing::ValuesIn(test::kBadRecipeFiles));

}  // namespace
}  // namespace infbench::recipe
