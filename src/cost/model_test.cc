#include "cost/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

namespace infbench::cost {
namespace {

using ::testing::HasSubstr;

constexpr const char* kData = "data";
constexpr const char* kRowFolder = "data/validation";

Key qwen(std::string gpu, int tp, std::string engine) {
  return {.model = "Qwen/Qwen3-32B", .precision = "bf16", .gpu = std::move(gpu), .tp = tp, .engine = std::move(engine)};
}

Model loaded(const Key& key) {
  auto model = load(kData, key);
  EXPECT_TRUE(model) << format_errors(model ? Errors{} : model.error());
  return std::move(*model);
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return std::move(text).str();
}

// A row of step times: `bs` prompts of `fresh` tokens after `prefix` (prefill), `bs` sequences at `context` (decode), or both.
struct Row {
  std::string kind;
  int bs = 0;
  Tokens prefix = 0;
  Tokens fresh = 0;
  Tokens context = 0;
  double ms = 0;
};

double estimated_ms(const StepTime& step_time, const Row& row) {
  StepLoad load;
  const int prompts = row.kind == "prefill" ? row.bs : row.kind == "mixed" ? 1 : 0;
  for (int i = 0; i < prompts; ++i) StepTime::add_chunk(load, row.prefix, row.fresh);
  for (int i = 0; row.kind != "prefill" && i < row.bs; ++i) StepTime::add_decode(load, row.context);
  return static_cast<double>(step_time.of(load)) / kTicksPerNs / 1e6;
}

double error_percent(const StepTime& step_time, const Row& row) {
  return 100 * std::abs(estimated_ms(step_time, row) / row.ms - 1);
}

KindErrors errors_of(const StepTime& step_time, const std::vector<Row>& rows) {
  std::vector<double> errors;
  for (const Row& row : rows) errors.push_back(error_percent(step_time, row));
  std::sort(errors.begin(), errors.end());
  double sum = 0;
  for (const double error : errors) sum += error;
  // The 95th percentile, interpolated between ranks.
  const double rank = 0.95 * static_cast<double>(errors.size() - 1);
  const auto below = static_cast<std::size_t>(rank);
  const double above = errors[std::min(below + 1, errors.size() - 1)];
  return {.rows = static_cast<int>(errors.size()),
          .mape = sum / static_cast<double>(errors.size()),
          .p95 = errors[below] + (rank - std::floor(rank)) * (above - errors[below]),
          .worst = errors.back()};
}

std::vector<std::vector<std::string>> csv_rows(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(file, line);  // the names
  while (std::getline(file, line)) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

Tokens count_in(const std::string& cell) { return cell.empty() ? 0 : std::stoll(cell); }

TEST(Model, StepTimesAreAsCloseToTheRowsAsItsFileSays) {
  std::map<std::tuple<std::string, int, std::string>, std::map<std::string, std::vector<Row>>> groups;
  for (const auto& cells : csv_rows(std::string(kRowFolder) + "/qwen3_32b_step_times.csv")) {
    ASSERT_EQ(cells.size(), 10U);
    const Row row{.kind = cells[3],
                  .bs = static_cast<int>(count_in(cells[4])),
                  .prefix = count_in(cells[6]),
                  .fresh = count_in(cells[7]),
                  .context = count_in(cells[8]),
                  .ms = std::stod(cells[9])};
    groups[{cells[0], static_cast<int>(count_in(cells[1])), cells[2]}][row.kind].push_back(row);
  }
  EXPECT_EQ(groups.size(), 10U);
  for (const auto& [group, kinds] : groups) {
    const auto& [gpu, tp, engine] = group;
    const Model model = loaded(qwen(gpu, tp, engine));
    for (std::size_t i = 0; i < kKinds.size(); ++i) {
      const KindErrors errors = errors_of(model.step_time, kinds.at(std::string(kKinds[i])));
      const KindErrors& stated = model.provenance.fitted[i];
      const std::string where = describe(model.key) + " " + std::string(kKinds[i]);
      EXPECT_EQ(errors.rows, stated.rows) << where;
      EXPECT_NEAR(errors.mape, stated.mape, 0.02) << where;
      EXPECT_NEAR(errors.p95, stated.p95, 0.02) << where;
      EXPECT_NEAR(errors.worst, stated.worst, 0.02) << where;
    }
  }
}

TEST(Model, EveryFileStatesErrorsWithinTheGoal) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(std::string(kData) + "/step_times")) {
    const auto model = read_model_file(file.path().string());
    ASSERT_TRUE(model) << format_errors(model.error());
    for (const auto* errors : {&model->provenance.fitted, &model->provenance.held_out}) {
      for (const KindErrors& kind : *errors) {
        EXPECT_LE(kind.mape, 3) << file.path();
        EXPECT_LE(kind.p95, 8) << file.path();
        EXPECT_LE(kind.worst, 12) << file.path();
        EXPECT_GT(kind.rows, 0) << file.path();
      }
    }
    EXPECT_EQ(file.path().filename().string(), "qwen3-32b." + model->key.precision + "." + model->key.gpu + ".tp" +
                                                   std::to_string(model->key.tp) + "." + model->key.engine + ".yaml");
    ++files;
  }
  EXPECT_EQ(files, 10);
}

// Steps of the source, true wherever the rows themselves are not at hand.
TEST(Model, StepTimesAreNearTheSources) {
  const std::vector<std::pair<Key, std::vector<Row>>> facts{{qwen("h200", 2, "sglang"),
                                                             {{"decode", 1, 0, 0, 2048, 10.328333},
                                                              {"decode", 8, 0, 0, 4096, 11.460153},
                                                              {"decode", 256, 0, 0, 8192, 79.906481},
                                                              {"prefill", 8, 0, 128, 0, 55.319507},
                                                              {"prefill", 1, 0, 8192, 0, 502.514859},
                                                              {"prefill", 1, 122'880, 8192, 0, 2258.602618},
                                                              {"prefill", 1, 0, 131'072, 0, 21963.947180},
                                                              {"mixed", 1, 0, 1024, 1024, 67.401818},
                                                              {"mixed", 128, 32'768, 8192, 32'768, 1102.960854}}},
                                                            {qwen("h200", 2, "vllm"),
                                                             {{"decode", 4, 0, 0, 65'536, 18.842654},
                                                              {"prefill", 2, 0, 128, 0, 19.105148},
                                                              {"prefill", 1, 65'024, 512, 0, 83.347861}}},
                                                            {qwen("h100", 4, "vllm"),
                                                             {{"decode", 192, 0, 0, 4096, 29.501372},
                                                              {"prefill", 1, 0, 12'288, 0, 427.186218},
                                                              {"prefill", 8, 0, 512, 0, 128.539721}}}};
  for (const auto& [key, rows] : facts) {
    const Model model = loaded(key);
    for (const Row& row : rows) {
      EXPECT_LT(error_percent(model.step_time, row), 5)
          << describe(key) << " " << row.kind << " " << row.bs << " " << row.fresh << " " << row.context;
    }
  }
}

TEST(Model, KvCapacityIsTheSources) {
  struct Case {
    std::string gpu;
    int tp;
    std::string engine;
    Tokens chunk;
    Tokens tokens;
  };
  std::vector<Case> cases{{"h200", 2, "sglang", 8192, 742'462},
                          {"h200_sxm", 4, "vllm", 2048, 1'763'003},
                          {"h200_sxm", 1, "vllm", 16384, 244'232},
                          {"h100", 2, "sglang", 8192, 292'722},
                          {"h100", 4, "vllm", 16384, 845'602}};
  for (const auto& cells : csv_rows(std::string(kRowFolder) + "/qwen3_32b_kv_capacity.csv")) {
    ASSERT_EQ(cells.size(), 13U);
    if (cells[0] == "h100_sxm" && cells[1] == "1") continue;  // has no step times
    cases.push_back({cells[0], static_cast<int>(count_in(cells[1])), cells[2], count_in(cells[4]), count_in(cells[11])});
  }
  for (const Case& c : cases) {
    const Model model = loaded(qwen(c.gpu, c.tp, c.engine));
    EXPECT_EQ(model.kv.tokens(0.90, c.chunk), c.tokens) << describe(model.key) << " " << c.chunk;
    EXPECT_EQ(model.kv.kv_per_token_per_gpu, 262'144 / c.tp);
  }
  EXPECT_EQ(loaded(qwen("h200", 2, "sglang")).kv.tokens(0.1, 8192), 0);  // less than the weights
}

TEST(Load, FindsAFileByTheModelsAndTheGpusOtherNames) {
  Key key = qwen("h200", 2, "sglang");
  for (const char* name : {"Qwen/Qwen3-32B", "/models/Qwen3-32B", "/models/Qwen3-32B/", "qwen3-32b"}) {
    key.model = name;
    const Model model = loaded(key);
    EXPECT_EQ(describe(model.key), "Qwen/Qwen3-32B bf16 on h200_sxm TP2 sglang");
    EXPECT_EQ(model.provenance.license, "Apache-2.0");
    EXPECT_THAT(model.provenance.source, HasSubstr("aiconfigurator"));
  }
}

TEST(Load, ListsWhatThereIsForACombinationWithoutData) {
  struct Case {
    Key key;
    std::string hint;
  };
  Key fp8 = qwen("h200", 2, "sglang");
  fp8.precision = "fp8";
  Key unknown = qwen("h200", 2, "sglang");
  unknown.model = "some/Model";
  for (const Case& c : {Case{qwen("mi300x", 2, "sglang"), "there are: qwen3-32b bf16 on h100_sxm TP2 sglang, "},
                        Case{qwen("h20", 2, "sglang"), "did you mean 'h200'? there are: "},
                        Case{qwen("h200", 2, "sglan"), "did you mean 'sglang'? there are: "}, Case{fp8, "there are: "},
                        Case{unknown, "there are: "}}) {
    const auto model = load(kData, c.key);
    ASSERT_FALSE(model);
    ASSERT_EQ(model.error().size(), 1U);
    EXPECT_EQ(model.error()[0].what, "no step times for " + describe(c.key) + " in 'data'");
    EXPECT_THAT(model.error()[0].hint, ::testing::StartsWith(c.hint));
    EXPECT_THAT(model.error()[0].hint, ::testing::EndsWith(", qwen3-32b bf16 on h200_sxm TP4 vllm"));
  }
}

TEST(Load, SaysThatAFolderIsMissingOrEmpty) {
  const auto missing = load(::testing::TempDir() + "no_such_folder", qwen("h200", 2, "sglang"));
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error()[0].what, HasSubstr("cannot read the folder of step times"));
  const std::string empty = ::testing::TempDir() + "cost_empty";
  std::filesystem::create_directories(empty + "/step_times");
  const auto none = load(empty, qwen("h200", 2, "sglang"));
  ASSERT_FALSE(none);
  EXPECT_THAT(none.error()[0].what, HasSubstr("holds no step times"));
}

class MalformedFile : public ::testing::Test {
 protected:
  void SetUp() override { good_ = text_of(std::string(kData) + "/step_times/qwen3-32b.bf16.h200_sxm.tp2.sglang.yaml"); }

  // The errors after `from`, a pattern that occurs once, is replaced in the line where it is.
  Errors errors_with(const std::string& from, const std::string& to) {
    std::string text = good_;
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    EXPECT_EQ(text.find(from, at + 1), std::string::npos) << from;
    text.replace(at, from.size(), to);
    line_ = 1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    const std::string path =
        ::testing::TempDir() + ::testing::UnitTest::GetInstance()->current_test_info()->name() + ".cost_malformed.yaml";
    std::ofstream(path, std::ios::binary) << text;
    auto model = read_model_file(path);
    return model ? Errors{} : std::move(model.error());
  }

  std::string good_;
  int line_ = 0;
};

TEST_F(MalformedFile, IsAnErrorWithItsPlace) {
  struct Case {
    std::string from;
    std::string to;
    std::string what;
    std::string hint;
  };
  for (const Case& c : std::vector<Case>{
           {"  step_ns: ", "  step_ns: -", "expected 'step_ns' to be nanoseconds above 0, in plain decimals, found '-", ""},
           {"  step_ns: ", "  step_ns: 0 #", "expected 'step_ns' to be nanoseconds above 0, in plain decimals, found '0'", ""},
           {"  token_ns: ", "  token_ns: 1e3 #", "expected 'token_ns' to be nanoseconds >= 0, in plain decimals, found '1e3'",
            ""},
           {"  token_ns: ", "  token_ns: [1] #", "expected 'token_ns' to be nanoseconds >= 0", ""},
           {"  wave_ns: ", "  wave_ns: 1\n  wav_ns: ", "unknown key 'wav_ns' in 'step_time'", "did you mean 'wave_ns'?"},
           {"  wave_ns: ", "  wave_ns: 1\n  wave_ns: ", "key 'wave_ns' is in 'step_time' twice", ""},
           {"  token_knees: [", "  token_knees: [9999999, ", "expected 'token_knees' to be a list of three rising numbers", ""},
           {"  kv_knee: ", "  kv_knee: x", "expected 'kv_knee' to be an integer from 0 to 2^50, found 'x", ""},
           {"kv_bytes_per_token_per_gpu: 131072", "kv_bytes_per_token_per_gpu: 0",
            "expected 'kv_bytes_per_token_per_gpu' to be an integer from 1 to 2^50, found '0'", ""},
           {"tp: 2\n", "tp: 0\n", "expected 'tp' to be an integer from 1 to 2^50, found '0'", ""},
           {"format: 1", "format: 2", "expected format 1", ""},
           {"models: [Qwen/Qwen3-32B]", "models: []", "expected 'models' to be a list of 1 or more texts", ""},
           {"license: Apache-2.0", "license: []", "expected 'license' to be a text", ""},
           {"gpu: h200_sxm\n", "gpu: [h200_sxm\n", "not valid YAML: ", ""}}) {
    const Errors errors = errors_with(c.from, c.to);
    ASSERT_EQ(errors.size(), 1U) << c.to;
    EXPECT_THAT(errors[0].what, ::testing::StartsWith(c.what));
    EXPECT_EQ(errors[0].hint, c.hint);
    EXPECT_THAT(errors[0].file, HasSubstr("cost_malformed.yaml"));
    if (c.what == "not valid YAML: ") {
      EXPECT_GE(errors[0].line, line_);  // where the reader noticed
    } else {
      EXPECT_EQ(errors[0].line, line_ + static_cast<int>(std::count(c.to.begin(), c.to.end() - 1, '\n'))) << c.to;
      EXPECT_FALSE(errors[0].source_line.empty());
    }
  }
}

TEST_F(MalformedFile, ReportsAllItsMistakesInOnePass) {
  const Errors errors = errors_with("  wave_ns: ", "  token: 1\n  wave: ");
  ASSERT_EQ(errors.size(), 3U);
  EXPECT_EQ(errors[0].what, "unknown key 'token' in 'step_time'");
  EXPECT_EQ(errors[1].what, "unknown key 'wave' in 'step_time'");
  EXPECT_EQ(errors[2].what, "expected the key 'wave_ns' in 'step_time'");
  const auto missing = read_model_file(::testing::TempDir() + "no_such_file.yaml");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error()[0].what, "cannot read the file");
  EXPECT_EQ(errors_with("step_time:\n", "step_time: 5\nother:\n").size(), 2U);
}

}  // namespace
}  // namespace infbench::cost
