// Sweeps and edits: the recipes that come out, and what is wrong, to line and column.
#include "recipe/sweep.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "recipe/recipe_samples.h"

namespace infbench::recipe {
namespace {

using ::testing::ElementsAre;
using Lines = std::vector<std::string>;

// kAggregated with two placeholders in the lines of its flags and a sweep below: line 27 on.
std::string swept(const std::string& sweep) {
  return edited(kAggregated, {{"policy: round_robin", "policy: \"{policy}\""}, {"page-size: 64", "page-size: \"{page}\""}}) +
         sweep;
}

Lines errors_of(const Result<std::vector<Recipe>>& recipes) {
  Lines out;
  for (const Error& error : recipes.has_value() ? Errors{} : recipes.error()) {
    const std::string source = error.file.size() > 6 ? error.file.substr(8) + ":" : "";
    out.push_back(fmt::format("{}{}:{}: {}{}{}", source, error.line, error.column, error.what, error.hint.empty() ? "" : ": ",
                              error.hint));
  }
  return out;
}

std::vector<Recipe> good(const std::string& text, const std::string& selector = "", const std::vector<Edit>& edits = {}) {
  const auto recipes = read_recipes_text(text, "r.yaml", selector, edits, {});
  EXPECT_THAT(errors_of(recipes), ElementsAre());
  return recipes.value_or(std::vector<Recipe>{});
}

Lines variants_of(const std::vector<Recipe>& recipes) {
  Lines out;
  for (const Recipe& recipe : recipes) out.push_back(recipe.variant);
  return out;
}

TEST(Sweep, GridAndZip) {
  const Lines grid{"policy=random,page=16", "policy=random,page=32", "policy=manual,page=16", "policy=manual,page=32"};
  const std::vector<std::pair<std::string, Lines>> rows{
      {"sweep: {policy: [random, manual], page: [16, 32]}\n", grid},
      {"sweep: {parameters: {policy: [random, manual], page: [16, 32]}}\n", grid},
      {"sweep: {mode: grid, parameters: {policy: [random, manual], page: [16, 32]}}\n", grid},
      {"sweep: {mode: zip, parameters: {policy: [random, manual], page: [16, 32]}}\n",
       {"policy=random,page=16", "policy=manual,page=32"}},
  };
  for (const auto& [sweep, variants] : rows) {
    const std::vector<Recipe> recipes = good(swept(sweep));
    EXPECT_EQ(variants_of(recipes), variants) << sweep;
    EXPECT_EQ(recipes.front().name, "sample_policyrandom_page16");
    EXPECT_EQ(recipes.back().policy(Stage::whole), "manual");
    EXPECT_EQ(recipes.back().engine_flags(Role::aggregated).page_size, 32) << "a number stays one";
    EXPECT_THAT(recipes.back().text, ::testing::Not(::testing::HasSubstr("sweep")));
  }
}

TEST(Sweep, Selectors) {
  const std::string text = swept("sweep: {policy: [random, manual], page: [16, 32]}\n");
  EXPECT_THAT(variants_of(good(text, "policy=random,page=32")), ElementsAre("policy=random,page=32"));
  EXPECT_THAT(variants_of(good(text, "*page=32")), ElementsAre("policy=random,page=32", "policy=manual,page=32"));
  EXPECT_THAT(errors_of(read_recipes_text(text, "r.yaml", "policy=random,page=64", {}, {})),
              ElementsAre("0:0: no recipe of this file is 'policy=random,page=64': did you mean 'policy=random,page=16'?"));
  std::string base = "base:\n  ";
  for (const char c : text) base += c == '\n' ? "\n  " : std::string(1, c);
  base += "\noverride_a: {benchmark: {itl_threshold_ms: 50}}\noverride_b: {sweep: {page: [8]}}\n";
  EXPECT_THAT(variants_of(good(base, "override_b")),
              ElementsAre("override_b,policy=random,page=8", "override_b,policy=manual,page=8"));
  EXPECT_THAT(variants_of(good(base, "*,policy=manual,*6")), ElementsAre("override_a,policy=manual,page=16"));
  EXPECT_THAT(variants_of(good(base, "base,*page=32")),
              ElementsAre("base,policy=random,page=32", "base,policy=manual,page=32"));
}

// Each value alone as the whole of a text, and within one.
TEST(Sweep, ValuesAndTexts) {
  const std::string text = edited(
      kAggregated,
      {{"name: sample", "name: run-{a}\nenvironment: {A: \"<{a}|{a}>\", B: \"${a} {{a}} {node} {job_id} {\\\"x\\\":1}\"}"},
       {"page-size: 64", "revision: \"{a}\"\n      json-model-override-args: {k: \"{a}\"}"}});
  struct Row {
    std::string value, variant, whole, within;
  };
  const std::vector<Row> rows{
      {"0.80", "a=0.80", R"({"k":0.8})", "<0.80|0.80>"},       {"8", "a=8", R"({"k":8})", "<8|8>"},
      {"\"8\"", "a=\"8\"", R"({"k":"8"})", "<8|8>"},           {"x-y", "a=x-y", R"({"k":"x-y"})", "<x-y|x-y>"},
      {"\"{b}\"", "a=\"{b}\"", R"({"k":"{b}"})", "<{b}|{b}>"},  // not filled in again
  };
  for (const Row& row : rows) {
    const std::string name = row.value.find('{') == std::string::npos ? text : edited(text, {{"name: run-{a}", "name: run"}});
    const auto recipes = good(name + "sweep: {a: [" + row.value + "]}\n");
    ASSERT_EQ(recipes.size(), 1U) << row.value;
    EXPECT_EQ(recipes[0].variant, row.variant);
    EXPECT_EQ(to_json(recipes[0].groups()[0].flags->find("json-model-override-args")->value), row.whole);
    EXPECT_EQ(recipes[0].environment, (StringMap{{"A", row.within}, {"B", "${a} {{a}} {node} {job_id} {\"x\":1}"}}));
  }
  EXPECT_EQ(good(text + "sweep: {a: [x, y]}\n")[1].name, "run-y") << "a name with a placeholder is the user's own";
  EXPECT_EQ(good(edited(text, {{"name: run-{a}", "name: run"}}) + "sweep: {a: [x/y]}\n")[0].name.find('/'), std::string::npos);
}

TEST(Sweep, WhatIsWrongAndWhere) {
  const std::vector<std::pair<std::string, Lines>> rows{
      {swept("sweep: {policy: [random], page: [8], tp: [2]}\n"),
       {"27:38: sweep: the parameter 'tp' is used nowhere: write \"{tp}\" where its values belong"}},
      {swept("sweep: {polcy: [random], pages: [8]}\n"),
       {"15:13: frontend.args.policy: '{policy}' is no parameter of the sweep: did you mean '{polcy}'?",
        "21:18: backend.sglang_config.aggregated.page-size: '{page}' is no parameter of the sweep: did you mean '{pages}'?"}},
      {swept("sweep: {page: [8]}\n"),
       {"15:13: frontend.args.policy: '{policy}' is no parameter of the sweep: add it to sweep"}},
      {swept("sweep:\n  mode: zip\n  parameters:\n    page: [8, 16]\n    policy: [random]\n"),
       {"31:13: sweep.policy: expected 2 values, as page on line 30 has, found 1: give all parameters as many values, or use "
        "mode: grid"}},
      {swept("sweep: {page: [], policy: random}\n"),
       {"27:15: sweep.page: expected at least one value, found an empty list",
        "27:27: sweep.policy: expected a list of values, found the text 'random': write policy: [value, value]"}},
      {swept("sweep: {mode: zap, parameter: {page: [8]}}\n"),
       {"27:8: missing key 'parameters' in sweep: write parameters: {name: [value]}",
        "27:15: sweep.mode: expected one of grid, zip, found 'zap': did you mean 'zip'?",
        "27:20: unknown key 'parameter' in sweep: did you mean 'parameters'?"}},
      {swept("sweep: {}\n"),
       {"27:8: sweep: expected a mapping of parameters, found an empty one: write sweep: {parameter: [value, value]}"}},
      {swept("sweep: [8]\n"),
       {"27:8: sweep: expected a mapping of parameters, found a list: write sweep: {parameter: [value, value]}"}},
      {swept("sweep: {node: [8], a b: [8]}\n"),
       {"27:9: sweep: 'node' is filled in when a run starts: give the parameter another name",
        "27:20: sweep: expected the name of a parameter, found 'a b': use letters, digits, '_' and '-'"}},
      {edited(swept("sweep: {policy: [random], page: [8]}\n"), {{"\"{page}\"", "{ page }"}, {"\"{policy}\"", "{polic}"}}),
       {"15:13: expected the placeholder \"{policy}\", found a mapping with the key 'polic': write \"{policy}\" in quotes, "
        "without blanks",
        "21:18: expected the placeholder \"{page}\", found a mapping with the key 'page': write \"{page}\" in quotes, without "
        "blanks"}},
      {edited(swept("sweep: {policy: [random], page: [null, {k: 8}]}\n"), {{"\"{page}\"", "\"x{page}\""}}),
       {"27:34: sweep.page: expected a value that can stand within a text (line 21), found null: let the text be \"{page}\" "
        "and nothing more",
        "27:40: sweep.page: expected a value that can stand within a text (line 21), found a mapping: let the text be "
        "\"{page}\" and nothing "
        "more"}},
      {swept("sweep: {policy: [random, random], page: [8, 8]}\n"),
       {"27:26: sweep: the values policy=random,page=8 stand here twice: remove one of them",
        "27:45: sweep: the values policy=random,page=8 stand here twice: remove one of them"}},
      // A bad value is told where it stands in the sweep, with the recipes that have it.
      {swept("sweep: {policy: [random, fastest], page: [8, 0]}\n"),
       {"27:26: frontend.args.policy: expected one of cache_aware, round_robin, random, power_of_two, manual, found 'fastest' "
        "(in "
        "policy=fastest,page=8 and 1 more)",
        "27:46: backend.sglang_config.aggregated.page-size: expected a number from 1 to 65536, found 0 (in "
        "policy=random,page=0 and 1 more)"}},
  };
  for (const auto& [text, errors] : rows) EXPECT_EQ(errors_of(read_recipes_text(text, "r.yaml", "", {}, {})), errors) << text;
}

TEST(Sweep, AtMostAThousandRecipes) {
  std::string many = "[1";
  for (int i = 2; i <= 100; ++i) many += fmt::format(", {}", i);
  const auto with = [&](const std::string& sweep) { return read_recipes_text(swept(sweep), "r.yaml", "", {}, {}); };
  EXPECT_EQ(with("sweep: {policy: [random], page: " + many + "]}\n")->size(), 100U);
  for (const std::string& policies : Lines{"[a, b, c, d, e, f, g, h, i, j, k]", many + "]"}) {
    EXPECT_EQ(errors_of(with("sweep: {policy: " + policies + ", page: " + many + "]}\n")),
              Lines{"27:1: more than 1000 recipes in one file: give fewer values"});
  }
}

TEST(EditsOfRecipes, CountInTheirOrder) {
  const auto set = [](const std::string& text) { return Edit{Edit::Kind::set, text}; };
  const auto unset = [](const std::string& text) { return Edit{Edit::Kind::unset, text}; };
  const std::string path = "backend.sglang_config.aggregated.";
  const auto page = [&](const std::vector<Edit>& edits) {
    return good(std::string(kAggregated), "", edits)[0].engine_flags(Role::aggregated).page_size;
  };
  EXPECT_EQ(page({unset(path + "page_size")}), 1) << "'_' is '-'";
  EXPECT_EQ(page({set(path + "page_size=32"), unset(path + "page-size")}), 1);
  EXPECT_EQ(page({unset(path + "page-size"), set(path + "page_size=32")}), 32);
  EXPECT_EQ(good(std::string(kAggregated), "", {unset(path + "tp_size"), set("resources.agg_workers=16")})[0]
                .engine_flags(Role::aggregated)
                .tensor_parallel_size,
            1)
      << "an alias is the flag it stands for";
  EXPECT_EQ(good(std::string(kAggregated), "", {unset("frontend.args")})[0].policy(Stage::whole), "cache_aware")
      << "a whole section";
  EXPECT_EQ(good(swept("sweep: {policy: [random], page: [8, 16]}\n"), "", {set("sweep.page=[4]")}).size(), 1U)
      << "before the sweep";

  const std::vector<std::pair<std::vector<Edit>, Lines>> rows{
      {{unset("benchmark.ttft_treshold_ms")},
       {"--unset:1:19: 'ttft_treshold_ms' cannot be unset: benchmark has no such key: did you mean 'ttft_threshold_ms'?"}},
      {{set("name=a"), unset("nme")}, {"--unset:2:9: 'nme' cannot be unset: the recipe has no such key: did you mean 'name'?"}},
      {{unset("name.x")}, {"--unset:1:14: 'x' cannot be unset: name has no such key"}},
      {{unset("slurm"), unset("a=b"), unset("a..b"), set("=1")},
       {"--unset:1:9: 'slurm' cannot be unset: the recipe has no such key",
        "--unset:2:10: expected a key, found key=value: write --set to change a value",
        "--unset:3:11: expected a key, found nothing: write keys with one dot between them",
        "--set:4:7: expected key=value: write it as --set frontend.args.policy=round_robin"}},
      {{unset("name")}, {"1:1: missing key 'name': add it: name of the job"}},
  };
  for (const auto& [edits, errors] : rows)
    EXPECT_EQ(errors_of(read_recipes_text(kAggregated, "r.yaml", "", edits, {})), errors);
}

}  // namespace
}  // namespace infbench::recipe
