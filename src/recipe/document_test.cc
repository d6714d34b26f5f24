// docs/recipes.md says what the tables say. After a change of the tables:
//   INFBENCH_WRITE_DOCS=1 build/dev/recipe_test --gtest_filter='Document.*'
// writes its generated part anew.
#include "recipe/document.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace infbench::recipe {
namespace {

constexpr const char* kFile = "docs/recipes.md";

std::string text_of(const char* path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Document, TheFileIsWhatTheTablesSay) {
  const std::string text = text_of(kFile);
  const std::size_t mark = text.find(kGeneratedMark);
  ASSERT_NE(mark, std::string::npos) << "run the tests from the project's root";
  const std::string wanted = text.substr(0, mark) + std::string(kGeneratedMark) + key_reference();
  if (std::getenv("INFBENCH_WRITE_DOCS") != nullptr) std::ofstream(kFile) << wanted;
  EXPECT_EQ(text_of(kFile), wanted) << "INFBENCH_WRITE_DOCS=1 writes it anew";
}

TEST(Document, HasTypeDefaultLimitsChoicesAndMeaning) {
  const std::string text = key_reference();
  for (const char* line :
       {"| `gpus_per_node` | an integer | 4 | from 1 to 32 | GPUs of each node |",
        "| `precision` | text | required | `bf16`, `fp16`, `fp8`, `fp4`, `nvfp4`, `mxfp4`, `int8`, `int4` | number format of "
        "the "
        "weights |",
        "| `enable_multiple_frontends` | true or false | true |", "| `limit_seconds` | a number | - | above 0 to 1000000000 |",
        "| `bind` | text | `0.0.0.0` | an IP address, like 0.0.0.0 |", "Required by `custom`", "Of client `aiperf`",
        "- `mocker`: it needs Dynamo", "### `backend.vllm_config`", "| `default_account` | text | - |"}) {
    EXPECT_THAT(text, ::testing::HasSubstr(line));
  }
}

}  // namespace
}  // namespace infbench::recipe
