// What is written reads back as it was: trees, and whole recipes with their defaults.
#include "recipe/yaml_write.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "recipe/recipe_samples.h"
#include "recipe/scalar.h"
#include "recipe/yaml_resolved.h"

namespace infbench::recipe {
namespace {

Tree parsed(const std::string& text) {
  Findings findings;
  findings.add_file("w.yaml", text);
  auto tree = parse_yaml(text, {0, 1, 1}, findings);
  const Errors errors = findings.take();
  if (!tree.has_value() || !errors.empty()) throw std::runtime_error(text + "\n" + format_errors(errors));
  return *std::move(tree);
}

// The same kinds, keys, texts and types; not places, not the kind of quotes.
bool same(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text || a.items.size() != b.items.size() || a.entries.size() != b.entries.size())
    return false;
  if (a.kind == Node::Kind::scalar && classify(a).value.data != classify(b).value.data) return false;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    if (!same(a.items[i], b.items[i])) return false;
  }
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    if (a.entries[i].key != b.entries[i].key || !same(a.entries[i].value, b.entries[i].value)) return false;
  }
  return true;
}

Node text_node(const std::string& text, bool plain) {
  Node node;
  node.kind = Node::Kind::scalar;
  node.plain = plain;
  node.text = text;
  return node;
}

std::string drawn_text() {
  static const std::vector<std::string> kPieces{"a",
                                                "Z9",
                                                " ",
                                                "  ",
                                                "\n",
                                                "\n\n",
                                                "\t",
                                                "\r",
                                                ":",
                                                ": ",
                                                " #",
                                                "#",
                                                "-",
                                                "- ",
                                                "---",
                                                "...",
                                                "{",
                                                "}",
                                                "[",
                                                "]",
                                                ",",
                                                "&",
                                                "*",
                                                "!",
                                                "|",
                                                ">",
                                                "%",
                                                "@",
                                                "`",
                                                "'",
                                                "\"",
                                                "\\",
                                                "0",
                                                "12",
                                                "0x10",
                                                "1e3",
                                                "1_000",
                                                "010",
                                                ".5",
                                                "12:30:00",
                                                "true",
                                                "no",
                                                "NULL",
                                                "~",
                                                "<<",
                                                "=",
                                                "?",
                                                "? ",
                                                "\xC3\xA4",
                                                "\xE6\x97\xA5",
                                                "\xF0\x9F\x98\x80",
                                                "\xC2\x85",
                                                "\xE2\x80\xA8",
                                                "\xEF\xBB\xBF",
                                                std::string("\0", 1),
                                                "\x01",
                                                "\x04",
                                                "\x1b",
                                                "\x7f"};
  std::string out;
  for (const std::string& piece : *rc::gen::container<std::vector<std::string>>(rc::gen::elementOf(kPieces))) out += piece;
  return out;
}

Node drawn_node(int depth) {
  const int kind = *rc::gen::inRange(0, depth == 0 ? 4 : 8);
  Node node;
  if (kind == 0) return node;
  if (kind <= 2) return text_node(drawn_text(), false);
  if (kind == 3) {
    return text_node(
        *rc::gen::element<std::string>("true", "False", "0", "-7", "+5", "0.50", "1e9", "-.5", "word", "x y", "/a:b"), true);
  }
  const int size = *rc::gen::inRange(0, 4);
  node.kind = kind <= 5 ? Node::Kind::map : Node::Kind::list;
  for (int i = 0; i < size; ++i) {
    if (node.kind == Node::Kind::list) {
      node.items.push_back(drawn_node(depth - 1));
    } else {
      node.entries.push_back({drawn_text() + std::to_string(i), {}, drawn_node(depth - 1)});
    }
  }
  return node;
}

RC_GTEST_PROP(WriteYamlProperties, WhatIsWrittenReadsBack, ()) {
  const Node tree = drawn_node(4);
  const std::string text = write_yaml(tree);
  const Tree back = parsed(text);
  RC_LOG() << text;
  RC_ASSERT(same(back.root, tree));
  RC_ASSERT(write_yaml(back.root) == text);
}

TEST(WriteYaml, LooksAsAPersonWouldWriteIt) {
  const std::string text = R"(name: sample
a:
  image: lmsysorg/sglang:v0.5.6
  number: 0.90
  words: ["8", "true", "no", "04:00:00", "{mem}", "", " x", two words]
  script: |
    set -e
    echo "a: b"

    exit
  empty: {}
  none: null
  nothing: []
  lists:
    - [1, 2]
    - []
    - a: 1
      b:
        - c: {}
    -
      - x: "y\nz\n\n"
  "k: y": "tab\t"
)";
  const Tree tree = parsed(text);
  EXPECT_EQ(write_yaml(tree.root), std::string(text).replace(text.find("    -\n      - x"), 15, "    - - x"));
  EXPECT_TRUE(same(parsed(write_yaml(tree.root)).root, tree.root));
}

TEST(WriteYaml, KeysTooLongForOneLine) {
  Node tree;
  tree.kind = Node::Kind::map;
  for (const std::size_t size : {890U, 1020U, 5000U})
    tree.entries.push_back({std::string(size, 'k'), {}, text_node("v", false)});
  tree.entries.push_back({std::string(2000, 'm'), {}, tree});
  EXPECT_TRUE(same(parsed(write_yaml(tree)).root, tree));
}

TEST(WriteYaml, ARootThatIsNoMap) {
  for (const std::string text : {"null", "8", "\"8\"", "[]", "{}", "- - 1\n  - - 2"}) {
    const Tree tree = parsed(text);
    EXPECT_TRUE(same(parsed(write_yaml(tree.root)).root, tree.root)) << text;
  }
}

Recipe good(const Result<Recipe>& recipe) {
  EXPECT_TRUE(recipe.has_value()) << (recipe.has_value() ? "" : format_errors(recipe.error()));
  return recipe.value_or(Recipe{});
}

TEST(RecipeText, TextAndResolvedReadBackToTheSameRecipe) {
  const std::string aiperf = edited(
      kDisaggregated, {{"  type: mooncake-router\n", R"(  type: trace-replay
  trace_file: /traces/a.jsonl
  client: aiperf
  aiperf_args: {concurrency: 4}
  env: {A: "8", B: '{"x":1}'}
)"},
                       {"  sglang_config:", "  kv_events_config: {prefill: true, decode: {topic: t}}\n  sglang_config:"}});
  const std::string custom =
      edited(kAggregated, {{R"(  type: mooncake-router
  mooncake_workload: conversation
  ttft_threshold_ms: 2000
  itl_threshold_ms: 25
)",
                            "  type: custom\n  command: |\n    set -e\n    echo \"${A:-b}\"\n"},
                           {"      page-size: 64\n", R"(      page-size: 64
      json-model-override-args: {rope: {factor: 4.0, on: "true"}, list: [1, [a, null]]}
      revision: "8"
)"},
                           {"name: sample", "name: sample\nsrun_options: {mpi: pmix}\nextra_mount: [\"/a:/b\"]"}});
  for (const std::string& text : {std::string(kAggregated), std::string(kDisaggregated), aiperf, custom}) {
    const Recipe recipe = good(read_recipe_text(text, "r.yaml"));
    const std::string resolved = resolved_yaml(recipe);
    const Recipe from_text = good(read_recipe_text(recipe.text, "text.yaml"));
    EXPECT_EQ(from_text.text, recipe.text);
    EXPECT_EQ(resolved_yaml(from_text), resolved);
    const Recipe from_resolved = good(read_recipe_text(resolved, "resolved.yaml"));
    EXPECT_EQ(resolved_yaml(from_resolved), resolved);
    for (const Recipe& other : {from_text, from_resolved}) {
      for (std::size_t i = 0; i < recipe.groups().size(); ++i) {
        EXPECT_EQ(to_argv(*other.groups()[i].flags), to_argv(*recipe.groups()[i].flags));
        EXPECT_EQ(*other.groups()[i].environment, *recipe.groups()[i].environment);
      }
    }
  }
}

TEST(RecipeText, ResolvedHasDefaultsAndWhatTheClusterSays) {
  Cluster cluster;
  cluster.default_account = "research";
  cluster.containers = {{"image", "registry/sglang:1"}};
  const std::string text = edited(kAggregated, {{"lmsysorg/sglang:v0.5.6.post2", "image"}, {"  itl_threshold_ms: 25\n", ""}});
  const Recipe recipe = good(read_recipe_text(text, "r.yaml", {}, cluster));
  EXPECT_THAT(recipe.text, ::testing::HasSubstr("container: image\n")) << "as the user wrote it";
  const std::string resolved = resolved_yaml(recipe);
  for (const char* line : {"\n  container: registry/sglang:1\n", "\n  itl_threshold_ms: 25\n", "\n  account: research\n",
                           "\n  max_attempts: 180\n", "\n  link_gbps: 400.0\n", "\n      tensor-parallel-size: 2\n"}) {
    EXPECT_THAT(resolved, ::testing::HasSubstr(line));
  }
  EXPECT_THAT(resolved, ::testing::Not(::testing::HasSubstr("trace_file"))) << "of another benchmark type";
}

}  // namespace
}  // namespace infbench::recipe
