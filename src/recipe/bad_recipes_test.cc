// Bad recipes, each with all of its errors, in testdata/bad_*.txt. A case there:
//
//   == why it is bad
//   disaggregated       optional: an edit of kDisaggregated instead of kAggregated (recipe_samples.h)
//   - lines taken out   one edit: these whole lines, together ...
//   + lines put in      ... are replaced by these; none: they are only taken out
//   set key=value       an override
//   ! 3:5: what: hint   an error, "line:column: ..."; of an override "--set:number:column: ..."
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"

namespace infbench::recipe {
namespace {

struct Change {
  std::string from, to;
};

struct BadRecipe {
  std::string why;
  std::string_view base = kAggregated;
  std::vector<Change> changes;
  std::vector<std::string> sets;
  std::vector<std::string> errors;
};

void add_line(const std::string& line, char previous, BadRecipe& row) {
  const std::string rest = line.size() > 2 ? line.substr(2) : "";
  if (line == "disaggregated") row.base = kDisaggregated;
  if (line.starts_with("set ")) row.sets.push_back(line.substr(4));
  if (line.starts_with("! ")) row.errors.push_back(rest);
  if (line.starts_with("- ")) {
    if (previous != '-') row.changes.emplace_back();
    row.changes.back().from += rest + "\n";
  }
  if (line.starts_with("+ ")) row.changes.back().to += rest + "\n";
}

std::vector<BadRecipe> read_cases(const std::string& name) {
  std::vector<BadRecipe> rows;
  std::ifstream file("src/recipe/testdata/" + name);
  char previous = ' ';
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("== ")) rows.push_back({.why = line.substr(3), .changes = {}, .sets = {}, .errors = {}});
    if (!rows.empty()) add_line(line, previous, rows.back());
    previous = line.empty() ? ' ' : line.front();
  }
  return rows;
}

std::string in_short(const Error& error) {
  const std::string source = error.file.ends_with(": --set") ? "--set:" : "";
  const std::string hint = error.hint.empty() ? "" : ": " + error.hint;
  return source + std::to_string(error.line) + ":" + std::to_string(error.column) + ": " + error.what + hint;
}

class BadRecipes : public ::testing::TestWithParam<const char*> {};

TEST_P(BadRecipes, GiveAllTheirErrors) {
  const std::vector<BadRecipe> rows = read_cases(GetParam());
  ASSERT_GE(rows.size(), 15U) << "run the tests from the project's root";
  for (const BadRecipe& row : rows) {
    std::string text(row.base);
    for (const Change& edit : row.changes) {
      const std::size_t at = text.find(edit.from);
      ASSERT_NE(at, std::string::npos) << row.why << ": nowhere in the recipe: " << edit.from;
      text.replace(at, edit.from.size(), edit.to);
    }
    const Result<Recipe> recipe = read_recipe_text(text, "r.yaml", all_set(row.sets));
    std::vector<std::string> found;
    for (const Error& error : recipe.has_value() ? Errors{} : recipe.error()) {
      found.push_back(in_short(error));
      EXPECT_FALSE(error.source_line.empty()) << row.why << ": no source line for the caret";
    }
    EXPECT_EQ(found, row.errors) << row.why;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, BadRecipes,
                         ::testing::Values("bad_keys_and_types.txt", "bad_choices.txt", "bad_workers_and_flags.txt",
                                           "bad_text_and_syntax.txt", "bad_benchmark.txt", "bad_job.txt", "bad_backend.txt"));

}  // namespace
}  // namespace infbench::recipe
