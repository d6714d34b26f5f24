#include "cli/synthetic_load.h"

#include <gtest/gtest.h>

namespace infbench::cli {
namespace {

TEST(SyntheticLoad, ReadsALoadInAnyOrder) {
  const auto load = closed_loop_of("osl=256,isl=1024,requests=512,concurrency=64");
  ASSERT_TRUE(load);
  EXPECT_EQ(load->input, 1024);
  EXPECT_EQ(load->output, 256);
  EXPECT_EQ(load->concurrency, 64);
  EXPECT_EQ(load->requests, 512);
  EXPECT_EQ(closed_loop_of("isl=1,osl=1,concurrency=7")->requests, 70);
}

TEST(SyntheticLoad, TellsAllMistakesAtOnce) {
  struct Case {
    const char* text;
    std::vector<std::string> errors;
  };
  const std::vector<Case> cases{
      {"",
       {"--synthetic: expected KEY=NUMBER with a key of isl, osl, concurrency, requests, found ''",
        "--synthetic: isl is missing", "--synthetic: osl is missing", "--synthetic: concurrency is missing"}},
      {"isl=0,osl=1.5,concurency=8,isl=3",
       {"--synthetic: isl: expected a whole number from 1 to 10000000, found '0'",
        "--synthetic: osl: expected a whole number from 1 to 10000000, found '1.5'",
        "--synthetic: expected KEY=NUMBER with a key of isl, osl, concurrency, requests, found 'concurency=8'",
        "--synthetic: isl is given twice", "--synthetic: concurrency is missing"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto load = closed_loop_of(c.text);
    ASSERT_FALSE(load);
    std::vector<std::string> errors;
    for (const Error& error : load.error()) errors.push_back(error.what);
    EXPECT_EQ(errors, c.errors);
  }
}

}  // namespace
}  // namespace infbench::cli
