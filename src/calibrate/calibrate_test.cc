#include "calibrate/calibrate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

#include "base/random.h"

namespace infbench::calibrate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kData = "data";
constexpr const char* kHeader = "system,tp,backend,kind,bs,isl,prefix,new,ctx,latency_ms\n";

std::string file_with(const std::string& text) {
  const std::string path = ::testing::TempDir() + "calibrate_rows" + std::to_string(::getpid()) + ".csv";
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

Result<std::vector<StepRows>> rows_of(const std::string& text) {
  return read_step_rows(file_with(text), "Qwen/Qwen3-32B", "bf16");
}

cost::Key h200() { return {.model = "Qwen/Qwen3-32B", .precision = "bf16", .gpu = "h200_sxm", .tp = 2, .engine = "sglang"}; }

cost::StepTime shipped(const cost::Key& key) {
  auto model = cost::load(kData, key);
  EXPECT_TRUE(model);
  return model->step_time;
}

Observation observed(const cost::StepTime& truth, Kind kind, int batch, Tokens prefix, Tokens fresh, Tokens context) {
  cost::StepLoad load;
  const int prompts = kind == Kind::prefill ? batch : kind == Kind::mixed ? 1 : 0;
  for (int i = 0; i < prompts; ++i) cost::StepTime::add_chunk(load, prefix, fresh);
  for (int i = 0; kind != Kind::prefill && i < batch; ++i) cost::StepTime::add_decode(load, context);
  Observation row{.kind = kind, .steps = {load}, .ns = 0, .line = 0};
  row.ns = estimate_ns(truth, row);
  return row;
}

// Steps of many sizes, in order of size.
std::vector<Observation> grid(const cost::StepTime& truth) {
  std::vector<Observation> rows;
  for (const Tokens fresh : {32, 64, 128, 256, 512, 1000, 1024, 1500, 2048, 4096, 6144, 8192}) {
    for (const Tokens prefix : {0, 8192, 65'536}) {
      rows.push_back(observed(truth, Kind::prefill, 1, prefix, fresh, 0));
      rows.push_back(observed(truth, Kind::mixed, 32, prefix, fresh, 2048));
    }
  }
  for (const int batch : {1, 2, 4, 8, 16, 32, 64, 128, 192, 256}) {
    for (const Tokens context : {512, 2048, 8192, 32'768}) rows.push_back(observed(truth, Kind::decode, batch, 0, 0, context));
  }
  return rows;
}

double worst_percent(const cost::StepTime& truth, const cost::StepTime& found) {
  double worst = 0;
  for (const Observation& row : grid(truth)) worst = std::max(worst, 100 * std::abs(estimate_ns(found, row) / row.ns - 1));
  return worst;
}

std::vector<Observation> every(std::vector<Observation> rows, std::size_t nth) {
  std::vector<Observation> some;
  for (std::size_t i = 0; i < rows.size(); i += nth) some.push_back(rows[i]);
  return some;
}

Prior all_but(const cost::Key& key) {
  Prior prior;
  const auto known = cost::load_all(kData);
  EXPECT_TRUE(known);
  for (const cost::Model& model : *known) {
    if (describe(model.key) != describe(key)) prior.known.push_back(model.step_time.coefficients());
  }
  return prior;
}

TEST(Fit, FindsTheStepTimesThatMadeTheRows) {
  for (const char* engine : {"sglang", "vllm"}) {
    cost::Key key = h200();
    key.engine = engine;
    const cost::StepTime truth = shipped(key);
    const Fit found = fit(grid(truth), {});
    EXPECT_LT(worst_percent(truth, cost::StepTime(found.coefficients)), 1) << engine;
    EXPECT_TRUE(found.left_out.empty());
  }
}

TEST(Fit, LeavesOutRowsThatNoStepTimeExplains) {
  const cost::StepTime truth = shipped(h200());
  std::vector<Observation> rows = grid(truth);
  for (const std::size_t wild : {3U, 20U, 47U, 100U}) rows[wild].ns *= wild == 20 ? 0.3 : 4;
  const Fit found = fit(rows, {});
  EXPECT_THAT(found.left_out, ElementsAre(3, 20, 47, 100));
  EXPECT_LT(worst_percent(truth, cost::StepTime(found.coefficients)), 1);
}

TEST(Fit, LeansOnTheShapeOfOthersWhenRowsAreFew) {
  const cost::StepTime truth = shipped(h200());
  const std::vector<Observation> few = every(grid(truth), 4);
  ASSERT_GE(few.size(), kLeastRows);
  ASSERT_LT(few.size(), kRowsToStandAlone);
  const Fit found = fit(few, all_but(h200()));
  EXPECT_TRUE(found.leaned);
  EXPECT_LT(worst_percent(truth, cost::StepTime(found.coefficients)), 8);
}

TEST(Fit, NeverMakesAStepFasterWhenItGrows) {
  // Times without any sense: whatever is fitted to them has no coefficient below 0.
  Random random(7);
  std::vector<Observation> rows = grid(shipped(h200()));
  for (Observation& row : rows) row.ns = 1e6 + static_cast<double>(random.below(100'000'000));
  const cost::StepTime found(fit(rows, all_but(h200())).coefficients);  // checks its coefficients
  EXPECT_GT(found.coefficients().step, 0);
}

TEST(CrossValidate, JudgesEveryRowByAFitThatHasNotSeenIt) {
  std::vector<Observation> rows = grid(shipped(h200()));
  const auto exact = cross_validate(rows, {}, 4);
  EXPECT_EQ(exact[0].rows, 36);
  EXPECT_LT(exact[0].mape, 3);
  // A row that only a fit which has seen it could know.
  rows.back().ns *= 1.2;
  EXPECT_GT(cross_validate(rows, {}, 4)[1].worst, 10);
}

TEST(ReadStepRows, TakesWhatAStepComputes) {
  const auto groups =
      rows_of(std::string(kHeader) +
              "h200_sxm,2,sglang,prefill,8,128,0,128,,55.5\n# a remark\n\nh200_sxm,2.0,sglang,mixed,4,9216,8192,1024,2048,70\n"
              "h100_sxm,1,vllm,decode,16,,,,1000,12\r\n");
  ASSERT_TRUE(groups) << format_errors(groups.error());
  ASSERT_EQ(groups->size(), 2U);
  const StepRows& h200_rows = (*groups)[1];
  EXPECT_EQ(describe(h200_rows.key), "Qwen/Qwen3-32B bf16 on h200_sxm TP2 sglang");
  EXPECT_EQ(h200_rows.rows[0].steps[0].new_tokens, 1024);
  EXPECT_EQ(h200_rows.rows[0].ns, 55.5e6);
  EXPECT_EQ(h200_rows.rows[1].line, 5);
  EXPECT_EQ(h200_rows.rows[1].steps[0].decodes, 4);
  EXPECT_EQ(h200_rows.rows[1].steps[0].twice_pairs, 1024 * (2 * 8192 + 1025));
  EXPECT_EQ((*groups)[0].rows[0].steps[0].decode_context, 16'000);
}

TEST(ReadStepRows, NamesEveryMistakeWithItsPlace) {
  const auto groups = rows_of(std::string(kHeader) +
                              "h200_sxm,2,sglang,prefil,8,128,0,128,,55.5\n"
                              "h200_sxm,two,sglang,decode,8,,,,1.5,-3\n"
                              "h200_sxm,2,sglang\n");
  ASSERT_FALSE(groups);
  ASSERT_EQ(groups.error().size(), 1U);  // a table with rows of another width is not looked into
  EXPECT_EQ(groups.error()[0].what, "expected 10 values, as the first line has names, found 3");
  EXPECT_EQ(groups.error()[0].line, 4);

  const auto cells = rows_of(std::string(kHeader) +
                             "h200_sxm,2,sglang,prefil,8,128,0,128,,55.5\n"
                             "h200_sxm,two,sglang,decode,8,,,,1.5,-3\n");
  ASSERT_FALSE(cells);
  std::vector<std::string> found;
  for (const Error& error : cells.error()) {
    found.push_back(std::to_string(error.line) + ":" + std::to_string(error.column) + " " + error.what);
    EXPECT_FALSE(error.source_line.empty());
  }
  EXPECT_THAT(found, ElementsAre("2:19 expected 'kind' to be prefill, decode or mixed, found 'prefil'",
                                 "3:10 expected 'tp' to be a whole number from 1 to 1024, found 'two'",
                                 "3:33 expected 'ctx' to be a whole number from 0 to 10000000, found '1.5'",
                                 "3:37 expected 'latency_ms' to be a number above 0, found '-3'"));

  const auto columns = rows_of("system,tp,backend,kind,bs,prefix,new,ctx,latency\n");
  ASSERT_FALSE(columns);
  EXPECT_EQ(columns.error()[0].what, "expected a column 'latency_ms'");
  EXPECT_FALSE(rows_of(kHeader));  // no rows
  EXPECT_FALSE(rows_of(""));
  EXPECT_FALSE(read_step_rows(::testing::TempDir() + "no_such.csv", "m", "bf16"));
  EXPECT_FALSE(read_step_rows(::testing::TempDir(), "m", "bf16"));
}

TEST(ReadKvCapacities, GiveTheTokensOfTheirRows) {
  const auto architecture = cost::find_architecture(kData, "Qwen/Qwen3-32B");
  ASSERT_TRUE(architecture && *architecture);
  const auto found = read_kv_capacities("data/validation/qwen3_32b_kv_capacity.csv", **architecture);
  ASSERT_TRUE(found) << format_errors(found.error());
  EXPECT_EQ(found->at({"h200_sxm", 2, "sglang"}).tokens(0.9, 8192), 742'462);
  const std::string header =
      "system,tp,backend,mem_fraction,max_num_tokens,capacity_GiB,weights_GiB,runtime_GiB,kv_bytes_per_token_per_gpu,kv_"
      "tokens\n";
  const auto wrong = read_kv_capacities(file_with(header + "x,1,sglang,0.9,2048,141,30.5,4.2,262144,250568\n"), **architecture);
  const auto absurd =
      read_kv_capacities(file_with(header + "x,1,sglang,1.5,2048,1e14,61.02,4.2,262144,250568\n"), **architecture);
  ASSERT_FALSE(absurd);
  EXPECT_EQ(absurd.error()[0].what, "expected 'mem_fraction' to be at most 1, found 1.5");
  EXPECT_EQ(absurd.error()[1].what, "expected 'capacity_GiB' to be at most 1000000, found 100000000000000");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(wrong.error()[0].what, HasSubstr("expected the model's 61.02 GiB of weights, found 30.5"));
}

std::string one_group() {
  std::ifstream file("data/validation/qwen3_32b_step_times.csv");
  std::string text = kHeader;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("h200_sxm,2,sglang") && rows++ % 8 == 0) text += line + "\n";
  }
  return text;
}

TEST(Calibrate, MakesAModelAndSaysHowGoodItIs) {
  const auto rows = rows_of(one_group());
  ASSERT_TRUE(rows);
  const auto all = calibrate(
      *rows, {.data_dir = kData, .capacities = {}, .source = "a table", .license = "CC0", .command = "c", .folds = 3});
  ASSERT_TRUE(all) << format_errors(all.error());
  ASSERT_EQ(all->size(), 1U);
  const Calibrated& one = all->front();
  EXPECT_THAT(one.notes, ElementsAre(HasSubstr("rows are few for 16 numbers")));
  EXPECT_EQ(one.model.kv.tokens(0.9, 8192), 742'462);  // of the data file there is
  EXPECT_EQ(one.model.gpu_aliases, std::vector<std::string>{"h200"});
  const auto checked = check(*rows, std::vector<cost::Model>{one.model});
  ASSERT_TRUE(checked);
  for (std::size_t kind = 0; kind < kKindCount; ++kind) {
    EXPECT_EQ(checked->front().errors[kind].mape, one.model.provenance.fitted[kind].mape);
    EXPECT_LT(one.model.provenance.fitted[kind].mape, 3);
    EXPECT_GT(one.model.provenance.held_out[kind].rows, 0);
    EXPECT_LT(one.model.provenance.held_out[kind].mape, 5);
  }
}

TEST(Calibrate, NeedsEnoughRowsOfEachDeployment) {
  std::string text = kHeader;
  for (int i = 0; i < 23; ++i) text += "h200_sxm,2,sglang,decode,8,,,,100,10\n";
  const auto rows = rows_of(text + "h100_sxm,2,sglang,decode,8,,,,100,10\n");
  ASSERT_TRUE(rows);
  const auto all = calibrate(*rows, {.data_dir = kData, .capacities = {}, .source = "", .license = "", .command = ""});
  ASSERT_FALSE(all);
  ASSERT_EQ(all.error().size(), 2U);
  EXPECT_THAT(
      all.error()[1].what,
      HasSubstr("expected 24 or more rows to fit the step times of Qwen/Qwen3-32B bf16 on h200_sxm TP2 sglang, found 23"));
}

TEST(Check, JudgesTheShippedStepTimesInJsonToo) {
  const auto rows = read_step_rows("data/validation/qwen3_32b_step_times.csv", "Qwen/Qwen3-32B", "bf16");
  ASSERT_TRUE(rows);
  const auto checked = check(*rows, kData);
  ASSERT_TRUE(checked) << format_errors(checked.error());
  simdjson::dom::parser parser;
  const std::string json = check_json(*checked);
  int groups = 0;
  for (const simdjson::dom::element group : parser.parse(json)["groups"].get_array()) {
    ++groups;
    EXPECT_LE(double(group["mape_pct"]), 3);
    EXPECT_LE(double(group["p95_pct"]), 8);
    EXPECT_LE(double(group["worst_pct"]), 12);
    EXPECT_GT(std::int64_t(group["n"]), 0);
    for (const char* name : {"system", "engine", "kind"}) EXPECT_FALSE(std::string_view(group[name]).empty());
    EXPECT_GT(std::int64_t(group["tp"]), 0);
  }
  EXPECT_EQ(groups, 30);
  EXPECT_THAT(check_table(*checked), HasSubstr("| h200_sxm  |  2 | sglang | decode  |    50 |   0.83 |  1.79 |    2.28 |"));
}

TEST(Check, SaysWhichStepTimesWereEstimated) {
  const auto rows = rows_of(std::string(kHeader) + "h200_sxm,8,sglang,decode,8,,,,100,10\n");
  ASSERT_TRUE(rows);
  const auto checked = check(*rows, kData);
  ASSERT_TRUE(checked) << format_errors(checked.error());
  EXPECT_THAT(check_table(*checked), HasSubstr("estimated from Qwen/Qwen3-32B bf16 on h200_sxm TP4 sglang"));
  EXPECT_THAT(check_json(*checked), HasSubstr("\"note\": \"no step times for"));
  const auto missing = check(*rows, std::vector<cost::Model>{});
  ASSERT_FALSE(missing);
  EXPECT_THAT(missing.error()[0].what, HasSubstr("in the file given"));
}

}  // namespace
}  // namespace infbench::calibrate
