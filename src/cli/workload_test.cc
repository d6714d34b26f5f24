#include "cli/workload.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "net/download.h"
#include "net/server_for_test.h"

namespace infbench::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr const char* kRow = "{\"timestamp\": 0, \"input_length\": 5, \"output_length\": 5, \"hash_ids\": [0]}\n";
constexpr const char* kPublished = "/FAST25-release/traces/conversation_trace.jsonl";

class WorkloadTest : public ::testing::Test {
 protected:
  WorkloadTest() : root_(::testing::TempDir() + "workload_test_" + std::to_string(::getpid())) {
    fs::remove_all(root_);
    for (const char* folder : {"/given", "/variable", "/home", "/xdg"}) fs::create_directories(root_ + folder);
    environment_ = {.trace_dir = root_ + "/variable",
                    .cache_home = root_ + "/xdg",
                    .home = root_ + "/home",
                    .mirror = "http://127.0.0.1:1"};
  }
  ~WorkloadTest() override { fs::remove_all(root_); }

  std::string put(const std::string& path, const std::string& text = kRow) const {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
    return root_ + path;
  }
  Result<std::string> find() const {
    return find_trace({.file = {}, .workload = "conversation", .trace_dir = root_ + "/given"}, environment_);
  }

  std::string root_;
  TraceEnvironment environment_;
};

TEST_F(WorkloadTest, LooksInTheGivenFolderThenTheVariableThenTheCache) {
  const std::string in_home = put("/home/.cache/srtctl/traces/conversation_trace.jsonl");
  const std::string in_cache = put("/xdg/srtctl/traces/conversation_trace.jsonl");
  const std::string in_variable = put("/variable/conversation_trace.jsonl");
  const std::string in_given = put("/given/conversation_trace.jsonl");
  EXPECT_EQ(find().value(), in_given);
  fs::remove(in_given);
  EXPECT_EQ(find().value(), in_variable);
  fs::remove(in_variable);
  EXPECT_EQ(find().value(), in_cache);
  environment_.cache_home = "relative/is/ignored";
  EXPECT_EQ(find().value(), in_home);
  environment_.cache_home = "";
  EXPECT_EQ(find().value(), in_home);
}

TEST_F(WorkloadTest, DownloadsOnceIntoTheCache) {
  const net::ServerForTest server({{kPublished, net::answer_with(kRow)}});
  environment_.mirror = server.base() + "/";
  const std::string expected = root_ + "/xdg/srtctl/traces/conversation_trace.jsonl";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(find().value(), expected);
  EXPECT_EQ(server.requests(), 1);
  EXPECT_TRUE(net::verify_checksum(expected).value());
}

TEST_F(WorkloadTest, KnowsWhereEachWorkloadIsPublished) {
  const std::vector<std::pair<std::string, std::string>> published = {
      {"conversation", "/FAST25-release/traces/conversation_trace.jsonl"},
      {"toolagent", "/FAST25-release/traces/toolagent_trace.jsonl"},
      {"synthetic", "/FAST25-release/traces/synthetic_trace.jsonl"},
      {"mooncake", "/FAST25-release/arxiv-trace/mooncake_trace.jsonl"},
  };
  for (const auto& [name, path] : published) {
    const net::ServerForTest server({std::pair(path, net::answer_with(kRow))});
    environment_.mirror = server.base();
    const auto fetched = fetch_trace(name, "", environment_);
    ASSERT_TRUE(fetched.has_value()) << format_errors(fetched.error());
    EXPECT_EQ(fetched->path, root_ + "/xdg/srtctl/traces/" + name + "_trace.jsonl");
    EXPECT_EQ(fetched->url, server.url(path));
  }
}

TEST_F(WorkloadTest, AFileThatChangedInTheCacheIsRefusedUntilFetchedAgain) {
  const net::ServerForTest server({{kPublished, net::answer_with(kRow)}});
  environment_.mirror = server.base();
  const std::string path = find().value();
  std::ofstream(path, std::ios::app) << kRow;
  const auto found = find();
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(format_errors(found.error()), HasSubstr("has changed since its download"));
  EXPECT_THAT(format_errors(found.error()), HasSubstr("download it again with `srtctl trace fetch conversation`"));
  EXPECT_EQ(server.requests(), 1);
  EXPECT_EQ(fetch_trace("conversation", "", environment_).value().url, server.url(kPublished));
  EXPECT_EQ(find().value(), path);
  EXPECT_EQ(fetch_trace("conversation", "", environment_).value().url, "");  // it is there: no third request
  EXPECT_EQ(server.requests(), 2);
}

TEST_F(WorkloadTest, ACopyIsCheckedWhereverAChecksumLiesBesideIt) {
  const std::string path = put("/given/conversation_trace.jsonl");
  put("/given/conversation_trace.jsonl.sha256", "0123  conversation_trace.jsonl\n");
  EXPECT_FALSE(find().has_value());
  EXPECT_FALSE(find_trace({.file = path, .workload = {}, .trace_dir = {}}, environment_).has_value());
}

TEST_F(WorkloadTest, AFailedDownloadSaysFromWhereAndWhatToDo) {
  const net::ServerForTest server({{"/page" + std::string(kPublished), net::answer_with("<html>log in</html>", "text/html")},
                                   {"/cut" + std::string(kPublished), net::answer_with(std::string(kRow) + "{\"timest")}});
  for (const std::string& base : {server.base(), server.url("/page"), server.url("/cut"), std::string("http://127.0.0.1:1")}) {
    environment_.mirror = base;
    const auto found = find();
    ASSERT_FALSE(found.has_value()) << base;
    EXPECT_THAT(format_errors(found.error()), HasSubstr("cannot download " + base + kPublished)) << base;
    EXPECT_THAT(format_errors(found.error()), HasSubstr("srtctl trace synthesize")) << base;
    EXPECT_TRUE(fs::is_empty(root_ + "/xdg/srtctl/traces")) << base;
  }
  const auto fetched = fetch_trace("conversation", server.url("/page" + std::string(kPublished)), environment_);
  ASSERT_FALSE(fetched.has_value());
  EXPECT_THAT(format_errors(fetched.error()), HasSubstr("it is not a trace: broken JSON: expected a JSON object, found '<'"));
}

TEST_F(WorkloadTest, RefusesWhatItCannotFind) {
  struct Case {
    TraceSource source;
    std::string message;
  };
  const std::vector<Case> cases = {
      {{.file = {}, .workload = "conversaton", .trace_dir = {}}, "found 'conversaton': did you mean 'conversation'?"},
      {{.file = {}, .workload = "x", .trace_dir = {}},
       "expected a workload (conversation, toolagent, synthetic or mooncake), found 'x'"},
      {{.file = "/no/such/file", .workload = {}, .trace_dir = {}}, "/no/such/file: there is no such trace file"},
      {{.file = {}, .workload = "toolagent", .trace_dir = "/no/such/dir"},
       "expected a folder for --trace-dir, found '/no/such/dir'"},
  };
  for (const Case& one : cases) {
    const auto found = find_trace(one.source, environment_);
    ASSERT_FALSE(found.has_value());
    EXPECT_THAT(format_errors(found.error()), HasSubstr(one.message));
  }
  environment_.cache_home = environment_.home = "";
  EXPECT_THAT(format_errors(find().error()), HasSubstr("neither XDG_CACHE_HOME nor HOME is set"));
}

TEST_F(WorkloadTest, AGivenFileNeedsNoName) {
  const std::string path = put("/anything.jsonl");
  EXPECT_EQ(find_trace({.file = path, .workload = {}, .trace_dir = {}}, environment_).value(), path);
}

}  // namespace
}  // namespace infbench::cli
