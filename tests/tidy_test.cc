// The house itself under test: the source tree keeps the rules of tidy_rules.cc, and each rule finds a file that breaks it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tidy_rules.h"

namespace infbench::tests {
namespace {

using Check = Complaints (*)(const SourceFile&);

const std::vector<SourceFile>& tree() {
  static const std::vector<SourceFile> files = read_source_tree(SOURCE_DIR);
  return files;
}

std::string complaints_about_the_tree(Check check) {
  std::string out;
  for (const SourceFile& file : tree()) {
    for (const std::string& complaint : check(file)) out += complaint + "\n";
  }
  return out;
}

std::size_t complaints_about(Check check, std::string path, std::string text) {
  return check({std::move(path), std::move(text)}).size();
}

TEST(Tidy, TheTreeIsThere) {
  for (const std::string_view path :
       {"CMakeLists.txt", "src/base/time.h", "src/base/result.cc", "tests/tidy_test.cc", "dev", "README.md"}) {
    EXPECT_TRUE(std::any_of(tree().begin(), tree().end(), [&](const SourceFile& f) { return f.path == path; })) << path;
  }
}

TEST(Tidy, RoomsIncludeOneWay) { EXPECT_EQ(complaints_about_the_tree(check_include_directions), ""); }
TEST(Tidy, HeavyHeadersStayInTheirPlace) { EXPECT_EQ(complaints_about_the_tree(check_heavy_headers), ""); }
TEST(Tidy, FilesAndFunctionsAreShort) { EXPECT_EQ(complaints_about_the_tree(check_lengths), ""); }
TEST(Tidy, HeadersOpenWithWhatTheyAre) { EXPECT_EQ(complaints_about_the_tree(check_header_opening), ""); }
TEST(Tidy, NoForbiddenWords) { EXPECT_EQ(complaints_about_the_tree(check_words), ""); }
TEST(Tidy, NoFlagsThatChangeResults) { EXPECT_EQ(complaints_about_the_tree(check_compiler_flags), ""); }

TEST(Tidy, LinksInDocsPointToFiles) {
  for (const SourceFile& file : tree()) {
    for (const std::string& target : link_targets(file)) {
      EXPECT_TRUE(std::filesystem::exists(std::string(SOURCE_DIR) + "/" + target)) << file.path << ": no such file: " << target;
    }
  }
}

TEST(TidyRules, RoomsAreOpenThroughOthersToo) {
  EXPECT_EQ(rooms_open_to("base"), (std::vector<std::string>{"base"}));
  EXPECT_EQ(rooms_open_to("report"), (std::vector<std::string>{"base", "measure", "report", "trace"}));
  EXPECT_EQ(rooms_open_to("cli").size(), 15U);
  EXPECT_TRUE(rooms_open_to("attic").empty());
}

struct Sample {
  Check check;
  std::string path;
  std::string text;
  std::size_t complaints;
};

std::string lines(int count) { return std::string(static_cast<std::size_t>(count), '\n'); }
std::string function_of(int count) { return "void f() {" + lines(count - 1) + "}\n"; }

TEST(TidyRules, EachFindsWhatBreaksIt) {
  const std::vector<Sample> table = {
      {check_include_directions, "src/route/a.cc", "#include \"engine/worker.h\"\n", 1},
      {check_include_directions, "src/route/a.cc",
       "#include \"base/time.h\"\n#include \"cost/step_time.h\"\n#include <vector>\n", 0},
      {check_include_directions, "src/base/a.h", "#include \"trace/trace.h\"\n#include \"cli/options.h\"\n", 2},
      {check_include_directions, "src/simulate/a.cc", "#include \"recipe/recipe.h\"\n", 0},  // through plan
      {check_include_directions, "src/engine/a.cc", "#include \"worker.h\"\n", 1},
      {check_include_directions, "src/attic/a.cc", "", 1},
      {check_include_directions, "tests/a.cc", "#include \"process.h\"\n#include \"cli/options.h\"\n", 0},

      {check_heavy_headers, "src/cli/options.cc", "#include <CLI/CLI.hpp>\n", 0},
      {check_heavy_headers, "src/cli/main.cc", "#include <CLI/CLI.hpp>\n", 1},
      {check_heavy_headers, "src/recipe/read.cc", "#include <yaml-cpp/yaml.h>\n", 0},
      {check_heavy_headers, "src/recipe/read.h", "#include <yaml-cpp/yaml.h>\n", 1},
      {check_heavy_headers, "src/trace/read.h", "#include <simdjson.h>\n#include <fmt/core.h>\n", 2},
      {check_heavy_headers, "src/trace/read.cc", "#include <simdjson.h>\n#include <fmt/core.h>\n", 0},
      {check_heavy_headers, "src/trace/read.cc", "#include <iostream>\n#include <regex>\n#include <random>\n", 3},

      {check_lengths, "src/base/a.cc", lines(600), 0},
      {check_lengths, "src/base/a.cc", lines(601), 1},
      {check_lengths, "docs/a.md", lines(601), 1},
      {check_lengths, "src/base/a.cc", function_of(70), 0},
      {check_lengths, "src/base/a.cc", function_of(71), 1},
      {check_lengths, "src/base/a.h", "namespace a {\nclass B {\n  " + function_of(71) + "};\n}\n", 1},

      {check_header_opening, "src/base/a.h", "// A: what it is. One thread.\n#pragma once\n", 0},
      {check_header_opening, "src/base/a.h", "#pragma once\n// A: what it is.\n", 1},
      {check_header_opening, "src/base/a.h", "// A\n#pragma once\n", 1},
      {check_header_opening, "src/base/a.h", "// A: what it is.\n\n#include <vector>\n#pragma once\n", 1},
      {check_header_opening, "src/base/a.cc", "int x;\n", 0},

      {check_words, "src/base/a.cc", "auto* p = new int; delete p;\n", 2},
      {check_words, "src/base/a.cc", "struct A { A(const A&) = delete; };  // new\nconst char* s = \"delete\"; int renew;\n",
       0},
      {check_words, "src/cost/a.cc", "double a = std::exp(x); std::expected<int> b; double c = std::sqrt(x);\n", 1},
      {check_words, "src/engine/a.cc", "auto t = std::chrono::steady_clock::now();\n", 1},
      {check_words, "src/cli/a.cc", "auto t = std::chrono::steady_clock::now();\n", 0},
      {check_words, "docs/a.md", std::string("FIX") + "ME later\n", 1},
      {check_words, "src/base/a.cc", std::string("// TO") + "DO: later\n", 1},

      {check_compiler_flags, "CMakeLists.txt", "add_compile_options(-O2 -march=native)  # no -ffast-math\n", 1},
      {check_compiler_flags, "CMakePresets.json", "\"CMAKE_CXX_FLAGS\": \"-Ofast\"\n", 1},
      {check_compiler_flags, "docs/a.md", "-ffast-math\n", 0},
  };
  for (const Sample& sample : table) {
    EXPECT_EQ(complaints_about(sample.check, sample.path, sample.text), sample.complaints) << sample.path << "\n"
                                                                                           << sample.text;
  }
}

TEST(TidyRules, LinksAreReadFromTheFolderOfTheFile) {
  const SourceFile file{"docs/a.md", "[x](../src/b.cc#L3) [y](c.md)\n"};
  EXPECT_EQ(link_targets(file), (std::vector<std::string>{"src/b.cc", "docs/c.md"}));
}

}  // namespace
}  // namespace infbench::tests
