// Checks of what fits together in a recipe: workers and nodes, GPUs and parallelism, policy and frontend. Each looks only at
// values that the reader found in order. Pure, usable from any thread.
#pragma once

#include <string_view>

#include "recipe/findings.h"
#include "recipe/recipe.h"
#include "recipe/schema.h"
#include "recipe/section_reader.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

// What the checks look at. References: valid during the checks only.
struct Checked {
  const Recipe& recipe;
  const Node& root;
  bool complete;  // false: the text has a syntax error, so nothing can be said to be missing
  const SectionReader& reader;
  const BoundSection& schema;
  Findings& findings;

  const Entry* entry(std::string_view path) const;  // null when the recipe has none there
  bool given(std::string_view path) const { return entry(path) != nullptr; }
  bool fine(std::string_view path) const { return reader.fine(path); }
  const BoundSection& schema_of(std::string_view key) const;  // of a section of the recipe, which must be there
  Place key_place(std::string_view path) const;               // of the key, or of the nearest section around it that there is
  Place value_place(std::string_view path) const;             // of the value; the same when there is none
};

void check_all(const Checked& checked);

// The parts of check_all().
void check_job(const Checked& checked);        // checks_job.cc
void check_workers(const Checked& checked);    // checks_workers.cc
void check_engine(const Checked& checked);     // checks_engine.cc
void check_frontend(const Checked& checked);   // checks_frontend.cc
void check_benchmark(const Checked& checked);  // checks_benchmark.cc

// Which kinds of workers the recipe asks for, right or wrong.
bool asks_aggregated(const Checked& checked);
bool asks_disaggregated(const Checked& checked);

}  // namespace infbench::recipe
