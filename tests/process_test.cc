// What the other tests rely on when they run a program beside them.
#include <gtest/gtest.h>

#include <string>

#include "process.h"

namespace infbench::tests {
namespace {

TEST(Running, StopGivesAllThatLineHasNotTaken) {
  Running program({"/bin/sh", "-c", "echo one; echo; echo two; head -c 200000 /dev/zero; printf end"});
  EXPECT_EQ(program.line(), "one");
  const Finished finished = program.stop(0);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_TRUE(finished.out == "\ntwo\n" + std::string(200'000, '\0') + "end") << finished.out.size();
}

TEST(Running, LineWithPassesOverOtherLines) {
  Running program({"/bin/sh", "-c", "echo one; echo; echo two; echo; printf three"});
  EXPECT_EQ(program.line_with("tw"), "two");
  EXPECT_EQ(program.line_with("three"), "three");
  EXPECT_EQ(program.line_with("one"), "") << "it has gone by";
  EXPECT_EQ(program.stop(0).exit_code, 0);
}

}  // namespace
}  // namespace infbench::tests
