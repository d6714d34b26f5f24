// Which paths are said to be missing, and which are left to the nodes.
#include "recipe/local_paths.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"

namespace infbench::recipe {
namespace {

class LocalPathsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::remove_all(root_);
    std::filesystem::create_directories(root_ + "/models/Qwen3-32B");
    std::filesystem::create_directories(root_ + "/configs");
    std::ofstream(root_ + "/models/image.sqsh") << "x";
    std::ofstream(root_ + "/configs/install.sh") << "x";
  }

  std::string errors_of(const Recipe& recipe, PathsFor purpose = PathsFor::starting, const std::string& root = {}) const {
    Cluster cluster;
    cluster.srtctl_root = root_ + root;
    std::string text = format_errors(check_local_paths(recipe, cluster, purpose));
    for (std::size_t at = text.find(root_); at != std::string::npos; at = text.find(root_)) text.replace(at, root_.size(), "R");
    return text;
  }

  std::string root_ = ::testing::TempDir() + "local_paths" + std::to_string(::getpid());
};

struct Row {
  std::string path, container, errors;
};

TEST_F(LocalPathsTest, ModelAndContainer) {
  const std::string models = root_ + "/models/";
  const std::vector<Row> rows{
      {models + "Qwen3-32B", models + "image.sqsh", ""},
      {models + "Qwen3-32B/", "lmsysorg/sglang:v0.5.6.post2", ""},
      {models + "Qwen3-32b", "",
       ": model.path: 'R/models/Qwen3-32b' does not exist, though 'R/models' does: did you mean 'Qwen3-32B'?\n"},
      {models + "image.sqsh", "", ": model.path: expected a folder, 'R/models/image.sqsh' is a file\n"},
      {models + "Qwen3-32B", models + "Qwen3-32B", ": model.container: expected a file, 'R/models/Qwen3-32B' is a folder\n"},
      {models + "Qwen3-32B", models + "other", ": model.container: 'R/models/other' does not exist, though 'R/models' does\n"},
      {root_ + "/raid/models/m", root_ + "/raid/images/i.sqsh", ""},  // the folder around it is not here either
      {"/no-such-folder-of-this-machine", "", ""},
      {"hf:Qwen/Qwen3-32B", "", ""},
  };
  for (const Row& row : rows) {
    Recipe recipe;
    recipe.file = "r.yaml";
    recipe.model.path = row.path;
    recipe.model.container = row.container;
    EXPECT_EQ(errors_of(recipe), row.errors.empty() ? "" : "r.yaml" + row.errors) << row.path << " " << row.container;
    recipe.backend.type = "model";
    EXPECT_EQ(errors_of(recipe), "") << "backend.type model reads neither";
  }
}

TEST_F(LocalPathsTest, TraceAndSetupScript) {
  Recipe recipe;
  recipe.file = "r.yaml";
  recipe.setup_script = "install.sh";
  EXPECT_EQ(errors_of(recipe), "");
  recipe.setup_script = "other.sh";
  const std::string missing =
      "r.yaml: setup_script: 'R/no/configs/other.sh' is not there: put it there, or set srtctl_root in srtslurm.yaml\n";
  EXPECT_EQ(errors_of(recipe, PathsFor::starting, "/no"), missing);
  EXPECT_EQ(errors_of(recipe, PathsFor::looking, "/no"), "") << "a plan may be looked at from anywhere";
  recipe.benchmark.trace_file = root_ + "/models/trace.jsonl";
  EXPECT_EQ(errors_of(recipe, PathsFor::looking),
            "r.yaml: benchmark.trace_file: 'R/models/trace.jsonl' does not exist, though 'R/models' does\n"
            "r.yaml: setup_script: 'R/configs/other.sh' is not there: put it there, or set srtctl_root in srtslurm.yaml\n");
}

TEST_F(LocalPathsTest, TheErrorHasItsPlaceInTheFile) {
  const auto recipe = read_recipe_text(edited(kAggregated, {{"/models/Qwen3-32B", root_ + "/models/none"}}), "r.yaml");
  ASSERT_TRUE(recipe.has_value()) << format_errors(recipe.error());
  EXPECT_EQ(errors_of(*recipe), "r.yaml:3:9: model.path: 'R/models/none' does not exist, though 'R/models' does\n");
  const std::vector<Edit> sets{{Edit::Kind::set, "model.path=" + root_ + "/models/none"}};
  const auto overridden = read_recipe_text(kAggregated, "r.yaml", sets);
  ASSERT_TRUE(overridden.has_value()) << format_errors(overridden.error());
  EXPECT_EQ(errors_of(*overridden), "r.yaml: model.path: 'R/models/none' does not exist, though 'R/models' does\n");
}

}  // namespace
}  // namespace infbench::recipe
