// Files with variants and sweeps: which recipes they are, what is in them, and what is wrong with them, to line and column.
#include "recipe/variants.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "recipe/recipe_samples.h"

namespace infbench::recipe {
namespace {

using ::testing::ElementsAre;
using Lines = std::vector<std::string>;

// kAggregated under `base:`: its lines are one further down and two to the right. Its last line is 27.
std::string with_base(const std::string& sections, const std::string& in_base = "") {
  std::string out = "base:\n";
  std::string_view rest = kAggregated;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n') + 1;
    out += "  " + std::string(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return out + in_base + sections;
}

std::string short_error(const Error& error) {
  const std::string source = error.file.size() > 6 ? error.file.substr(8) + ":" : "";
  return fmt::format("{}{}:{}: {}{}{}", source, error.line, error.column, error.what, error.hint.empty() ? "" : ": ",
                     error.hint);
}

Lines errors_of(const Result<std::vector<Recipe>>& recipes) {
  Lines out;
  for (const Error& error : recipes.has_value() ? Errors{} : recipes.error()) out.push_back(short_error(error));
  return out;
}

std::vector<Recipe> good(const Result<std::vector<Recipe>>& recipes) {
  EXPECT_THAT(errors_of(recipes), ElementsAre());
  return recipes.value_or(std::vector<Recipe>{});
}

std::vector<Recipe> good(const std::string& text, const std::string& selector = "", const std::vector<Edit>& edits = {}) {
  return good(read_recipes_text(text, "r.yaml", selector, edits, {}));
}

Lines variants_of(const std::vector<Recipe>& recipes) {
  Lines out;
  for (const Recipe& recipe : recipes) out.push_back(recipe.variant);
  return out;
}

const std::string kThree = R"(zip_override_tp:
  resources: {agg_workers: [4, 2]}
  backend:
    sglang_config:
      aggregated: {tp_size: [4, 8], cuda-graph-bs: [[1, 2]], page-size: 32}
override_slow:
  benchmark: {ttft_threshold_ms: 3000}
  slurm: {account: null}
override_bare:
  name: own-name
  backend:
    sglang_config:
      aggregated: {page_size: null}
)";

TEST(Variants, MergedIntoTheBase) {
  const std::vector<Recipe> recipes = good(with_base(kThree));
  ASSERT_THAT(variants_of(recipes), ElementsAre("override_bare", "override_slow", "zip_override_tp[0]", "zip_override_tp[1]"));
  const Recipe& bare = recipes[0];
  EXPECT_EQ(bare.name, "own-name");
  EXPECT_EQ(bare.engine_flags(Role::aggregated).page_size, 1) << "null took it away, however it is written";
  EXPECT_EQ(bare.engine_flags(Role::aggregated).tensor_parallel_size, 2);
  const Recipe& slow = recipes[1];
  EXPECT_EQ(slow.name, "sample_slow");
  EXPECT_EQ(slow.benchmark.ttft_threshold_ms, 3000);
  EXPECT_EQ(slow.benchmark.itl_threshold_ms, 25) << "of the base";
  EXPECT_EQ(slow.engine_flags(Role::aggregated).page_size, 64);
  for (int i = 0; i < 2; ++i) {
    const Recipe& zipped = recipes[2 + static_cast<std::size_t>(i)];
    EXPECT_EQ(zipped.name, fmt::format("sample_tp_{}", i));
    EXPECT_EQ(zipped.groups()[0].workers, i == 0 ? 4 : 2);
    EXPECT_EQ(zipped.engine_flags(Role::aggregated).tensor_parallel_size, i == 0 ? 4 : 8) << "an alias is the same flag";
    EXPECT_EQ(zipped.engine_flags(Role::aggregated).page_size, 32);
    EXPECT_EQ(to_json(zipped.groups()[0].flags->find("cuda-graph-bs")->value), "[1,2]") << "a list of one list counts for all";
  }
  EXPECT_EQ(recipes[3].groups()[0].flags->find("tensor-parallel-size")->value.place, (Place{0, 32, 33})) << "in the override";
  EXPECT_EQ(recipes[3].groups()[0].flags->find("page-size")->place, (Place{0, 32, 62}));
}

TEST(Variants, Selectors) {
  const std::string text = with_base(kThree);
  const std::vector<std::pair<std::string, Lines>> rows{
      {"base", {"base"}},
      {"override_slow", {"override_slow"}},
      {"override_*", {"override_bare", "override_slow"}},
      {"*", {"override_bare", "override_slow", "zip_override_tp[0]", "zip_override_tp[1]"}},
      {"*s?ow", {"override_slow"}},
      {"zip_override_tp", {"zip_override_tp[0]", "zip_override_tp[1]"}},
      {"zip_override_tp[1]", {"zip_override_tp[1]"}},
      {"*[0]", {"zip_override_tp[0]"}},
  };
  for (const auto& [selector, variants] : rows) EXPECT_EQ(variants_of(good(text, selector)), variants) << selector;
  EXPECT_THAT(variants_of(good(with_base(""))), ElementsAre("base")) << "nothing else is there";
  EXPECT_EQ(good(text, "base")[0].name, "sample");
  EXPECT_THAT(variants_of(good(std::string(kAggregated))), ElementsAre(""));

  const std::vector<std::pair<std::string, std::string>> none{
      {"override_slw", "0:0: no recipe of this file is 'override_slw': did you mean 'override_slow'?"},
      {"zzz",
       "0:0: no recipe of this file is 'zzz': there are base, override_bare, override_slow, zip_override_tp, "
       "zip_override_tp[0], "
       "zip_override_tp[1]"},
      {"zip_override_tp[2]", "0:0: no recipe of this file is 'zip_override_tp[2]': did you mean 'zip_override_tp[0]'?"},
      {"override_[ab]*", "0:0: no recipe of this file is 'override_[ab]*': did you mean 'override_bare'?"},
  };
  for (const auto& [selector, error] : none) {
    EXPECT_THAT(errors_of(read_recipes_text(text, "r.yaml", selector, {}, {})), ElementsAre(error));
  }
  EXPECT_THAT(errors_of(read_recipes_text(kAggregated, "r.yaml", "base", {}, {})),
              ElementsAre("0:0: no recipe of this file is 'base': it has no variants"));
}

TEST(Variants, SelectorsOnTheCommandLine) {
  const std::string path = ::testing::TempDir() + "/variants.yaml";
  const std::string odd = ::testing::TempDir() + "/odd.yaml:override_slow";
  std::ofstream(path) << with_base(kThree);
  std::ofstream(odd) << kDisaggregated;
  const auto chosen = read_recipe(path + ":override_slow");
  ASSERT_TRUE(chosen.has_value()) << format_errors(chosen.error());
  EXPECT_EQ(chosen->variant, "override_slow");
  EXPECT_EQ(chosen->file, path);
  EXPECT_EQ(good(read_recipes(path, {}, {})).size(), 4U);
  EXPECT_TRUE(good(read_recipes(odd, {}, {}))[0].disaggregated()) << "what exists is a file, colon or not";
  EXPECT_THAT(errors_of(read_recipes(path + ":", {}, {})),
              ElementsAre(::testing::HasSubstr("expected the name of a variant after ':'")));
  EXPECT_EQ(format_errors(read_recipe("no/such.yaml:base").error()),
            "no/such.yaml: cannot be opened: No such file or directory\n");
  EXPECT_EQ(format_errors(read_recipe(path).error()),
            fmt::format(
                "{0}: expected one recipe, found 4: choose one: {0}:override_bare, {0}:override_slow, {0}:zip_override_tp[0], "
                "{0}:zip_override_tp[1]\n",
                path));
  std::remove(path.c_str());
  std::remove(odd.c_str());
}

struct Bad {
  std::string text;
  Lines errors;
};

TEST(Variants, WhatIsWrongAndWhere) {
  const std::vector<Bad> rows{
      {std::string(kAggregated) + "override_x: {name: a}\n",
       {"27:1: 'override_x' needs a base, found none: put the recipe itself under base:"}},
      {with_base("sweep: {a: [1]}\noverride_x: {name: a}\n"),
       {"28:1: unknown key 'sweep' beside base: move it into base; beside base only override_NAME and zip_override_NAME may "
        "stand"}},
      {with_base("override_x: 8\noverride_: {name: a}\n"),
       {"28:13: override_x: expected a mapping of keys, found the integer 8",
        "29:1: expected a name after 'override_': write override_NAME"}},
      {"base: 8\noverride_x: {name: a}\n", {"1:7: base: expected a mapping of keys, found the integer 8"}},
      {with_base("override_x:\n  benchmark: {ttft_treshold_ms: null}\n"),
       {"29:15: null takes 'ttft_treshold_ms' away, but the base has no such key in benchmark: did you mean "
        "'ttft_threshold_ms'?"}},
      // An error in an override is told in its own lines, one in the base once.
      {with_base("override_x:\n  benchmark: {ttft_threshold_ms: 0}\noverride_y: {benchmark: {tipe: custom}}\n"),
       {"29:34: benchmark.ttft_threshold_ms: expected a number above 0 and at most 86400000, found 0 (in override_x): leave "
        "the key out "
        "for the default of 2000",
        "30:26: unknown key 'tipe' in benchmark (in override_y): did you mean 'type'?"}},
      {with_base("override_x: {name: a}\noverride_y: {name: b}\n", "  nme: a\n"),
       {"28:3: unknown key 'nme': did you mean 'name'?"}},
      // What fits together in the base and not in two of three.
      {with_base("zip_override_w:\n  resources: {agg_workers: [8, 4, 2]}\n"),
       {"21:31: backend.sglang_config.aggregated: tensor-parallel-size 2 uses 2 GPUs, but each worker has 4 (in "
        "zip_override_w[1]): make "
        "them equal: change tensor-parallel-size, agg_workers or gpus_per_agg",
        "21:31: backend.sglang_config.aggregated: tensor-parallel-size 2 uses 2 GPUs, but each worker has 8 (in "
        "zip_override_w[2]): make "
        "them equal: change tensor-parallel-size, agg_workers or gpus_per_agg"}},
      {with_base(
           "zip_override_z:\n  name: [a, b]\n  resources: {agg_nodes: [2, 2, 2], agg_workers: [8, 8], gpus_per_node: []}\n"),
       {"30:26: zip_override_z.resources.agg_nodes: expected 2 values, as name on line 29 has, found 3: give all lists the "
        "same length; "
        "one value counts for all recipes",
        "30:73: zip_override_z.resources.gpus_per_node: expected a value per recipe, found an empty list: to set a key to an "
        "empty list "
        "write [[]]"}},
      {with_base("zip_override_z: {name: a}\n"),
       {"28:1: zip_override_z: expected at least one list of values, found none: name it override_z if it is one recipe"}},
  };
  for (const Bad& row : rows) EXPECT_EQ(errors_of(read_recipes_text(row.text, "r.yaml", "", {}, {})), row.errors) << row.text;
  const std::string two = with_base("zip_override_z: {name: a}\noverride_x: {name: b}\n");
  EXPECT_THAT(variants_of(good(two, "override_x")), ElementsAre("override_x")) << "what is not asked for need not be right";
}

TEST(Variants, NamesOfZippedRecipes) {
  const auto names = [](const std::string& sections) {
    Lines out;
    for (const Recipe& recipe : good(with_base(sections))) out.push_back(recipe.name);
    return out;
  };
  EXPECT_THAT(names("zip_override_z: {name: [a, b]}\n"), ElementsAre("a", "b"));
  EXPECT_THAT(names("zip_override_z: {name: own, benchmark: {itl_threshold_ms: [1, 2]}}\n"), ElementsAre("own_z_0", "own_z_1"));
  EXPECT_THAT(names("override_a b: {benchmark: {itl_threshold_ms: 1}}\n"),
              ElementsAre(::testing::MatchesRegex("sample_a-b-[0-9a-f]+")))
      << "fit for the name of a job";
}

TEST(Variants, FolderNames) {
  EXPECT_EQ(folder_name("zip_override_tp[1],mem=0.8"), "zip_override_tp_1,mem=0.8");
  EXPECT_EQ(folder_name("zip_override_tp[12]"), "zip_override_tp_12");
  EXPECT_EQ(folder_name("override_a,tp=[1,2]").size(), std::string("override_a,tp=-1,2-").size() + 17);
  const std::string long_value(500, 'x');
  std::set<std::string> names;
  const Lines variants{"",
                       "a=b/c",
                       "a=b c",
                       "a=b-c",
                       "a=" + long_value,
                       "a=" + long_value + "y",
                       "zip_override_x[0]",
                       "zip_override_x_0[0]",
                       "a=\xC3\xA4",
                       "a=../.."};
  for (const std::string& variant : variants) {
    const std::string name = folder_name(variant);
    EXPECT_TRUE(names.insert(name).second) << variant;
    EXPECT_LE(name.size(), 100U);
    EXPECT_EQ(name.find_first_of("/[] \xC3\n"), std::string::npos) << name;
  }
}

// As many recipes as one file may hold, each with its own text; and one more.
TEST(Variants, ManyInOneFile) {
  const auto file = [](int count) {
    std::string sections;
    for (int i = 0; i < count; ++i)
      sections += fmt::format("override_{:04}: {{benchmark: {{ttft_threshold_ms: {}}}}}\n", i, i + 1);
    return with_base(sections);
  };
  const std::vector<Recipe> recipes = good(file(500));
  ASSERT_EQ(recipes.size(), 500U);
  for (std::size_t i = 0; i < 500; ++i) EXPECT_EQ(recipes[i].benchmark.ttft_threshold_ms, static_cast<std::int64_t>(i) + 1);
  EXPECT_EQ(errors_of(read_recipes_text(file(1001), "r.yaml", "", {}, {})),
            Lines{"2:3: more than 1000 recipes in one file: give fewer values"});
}

// A file with everything in it, some of its bytes changed, put in or taken out: recipes or errors with a place, never a crash.
RC_GTEST_PROP(VariantsProperties, DamagedFilesGiveRecipesOrErrors, ()) {
  std::string text = edited(with_base(kThree, "  sweep: {mode: zip, parameters: {n: [16, 32], p: [random, manual]}}\n"),
                            {{"page-size: 64", "page-size: \"{n}\""}, {"policy: round_robin", "policy: \"{p}\""}});
  const int changes = *rc::gen::inRange(0, 4);
  for (int i = 0; i < changes; ++i) {
    const std::string part =
        *rc::gen::element<std::string>("", "\n", " ", ":", "- ", "[", "]", "{", "}", "'", "\"", "~", "base", "override_",
                                       "zip_override_", "sweep", "{n}", "null", "[]", "{}", "*", "&a ", "*a", "8");
    text.replace(*rc::gen::inRange<std::size_t>(0, text.size()), *rc::gen::inRange<std::size_t>(0, 12), part);
  }
  const auto recipes = read_recipes_text(text, "r.yaml", "", {}, {});
  const bool empty = recipes.has_value() ? recipes->empty() : recipes.error().empty();
  RC_ASSERT(!empty);
  std::set<std::string> names;
  for (const Recipe& recipe : recipes.value_or(std::vector<Recipe>{})) {
    RC_ASSERT(names.insert(folder_name(recipe.variant)).second);
    RC_ASSERT(read_recipe_text(recipe.text, "text.yaml").has_value());
  }
  for (const Error& error : recipes.has_value() ? Errors{} : recipes.error()) RC_ASSERT(std::min(error.line, error.column) > 0);
}

}  // namespace
}  // namespace infbench::recipe
