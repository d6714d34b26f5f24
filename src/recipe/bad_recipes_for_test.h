// The cases of testdata/bad_*.txt: recipes that are wrong, each with all of its errors. For tests only. A case:
//
//   == why it is bad
//   disaggregated       optional: an edit of kDisaggregated instead of kAggregated (recipe_samples.h)
//   - lines taken out   one edit: these whole lines, together ...
//   + lines put in      ... are replaced by these; none: they are only taken out
//   set key=value       an override
//   ! 3:5: what: hint   an error, "line:column: ..."; of an override "--set:number:column: ..."
#pragma once

#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "recipe/recipe_samples.h"

namespace infbench::recipe::test {

inline constexpr const char* kBadRecipeFiles[] = {
    "bad_keys_and_types.txt",    "bad_choices.txt",  // NOLINT
    "bad_workers_and_flags.txt", "bad_text_and_syntax.txt", "bad_benchmark.txt", "bad_job.txt", "bad_backend.txt"};

// Lines of a recipe that are taken out, and what takes their place.
struct Change {
  std::string from, to;
};

// One line of a case, as above, that may be part of a change; `previous`: the first character of the line before.
inline void add_to_changes(const std::string& line, char previous, std::vector<Change>& changes) {
  if (line.starts_with("- ")) {
    if (previous != '-') changes.emplace_back();
    changes.back().from += line.substr(2) + "\n";
  }
  if (line.starts_with("+ ")) changes.back().to += line.substr(2) + "\n";
}

// None: the recipe has no such lines.
inline std::optional<std::string> changed(std::string_view recipe, const std::vector<Change>& changes) {
  std::string text(recipe);
  for (const Change& change : changes) {
    const std::size_t at = text.find(change.from);
    if (at == std::string::npos) return std::nullopt;
    text.replace(at, change.from.size(), change.to);
  }
  return text;
}

struct BadRecipe {
  std::string why;
  std::string_view base = kAggregated;
  std::vector<Change> changes;
  std::vector<std::string> sets;
  std::vector<std::string> errors;
};

// Of one of the files; the tests run in the project's root.
inline std::vector<BadRecipe> read_bad_recipes(const std::string& file) {
  std::vector<BadRecipe> rows;
  std::ifstream in("src/recipe/testdata/" + file);
  char previous = ' ';
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("== ")) rows.push_back({.why = line.substr(3), .changes = {}, .sets = {}, .errors = {}});
    if (rows.empty()) continue;
    if (line == "disaggregated") rows.back().base = kDisaggregated;
    if (line.starts_with("set ")) rows.back().sets.push_back(line.substr(4));
    if (line.starts_with("! ")) rows.back().errors.push_back(line.substr(2));
    add_to_changes(line, previous, rows.back().changes);
    previous = line.empty() ? ' ' : line.front();
  }
  return rows;
}

}  // namespace infbench::recipe::test
