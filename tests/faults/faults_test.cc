// Thousands of small deployments in virtual time, each drawn from a seed together with all that goes wrong with it. A seed that
// fails prints how to see it again, line by line:
//
//   build/dev/faults_test --seed 1234         one seed with its timeline
//   build/dev/faults_test --seeds 1000 5000   seeds 1000 to 5999, and what they did
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <unistd.h>

#include "run.h"

namespace infbench::faults {
namespace {

std::string how_to_repeat(std::uint64_t seed) { return "build/dev/faults_test --seed " + std::to_string(seed); }

// A check of our own that fails ends the program: the seed must be known then too.
volatile std::sig_atomic_t seed_high = 0;
volatile std::sig_atomic_t seed_low = 0;

void on_abort(int) {
  char text[96];  // NOLINT(modernize-avoid-c-arrays)
  const int size = std::snprintf(text, sizeof text, "the program ended; again with: build/dev/faults_test --seed %lld\n",
                                 static_cast<long long>(seed_high) * 1'000'000 + seed_low);
  static_cast<void>(::write(STDERR_FILENO, text, static_cast<std::size_t>(size)));
}

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t failed = 0;
  RunFigures sum;
};

void add(const RunFigures& f, Totals& t) {
  ++t.seeds;
  t.sum.steps += f.steps;
  t.sum.requests += f.requests;
  t.sum.succeeded += f.succeeded;
  t.sum.attempts += f.attempts;
  t.sum.faults.connections += f.faults.connections;
  t.sum.faults.refused += f.faults.refused;
  t.sum.faults.lost += f.faults.lost;
  t.sum.faults.resets += f.faults.resets;
  t.sum.faults.closes += f.faults.closes;
  t.sum.faults.stalls += f.faults.stalls;
  t.sum.faults.pauses += f.faults.pauses;
  t.sum.faults.clock_steps += f.faults.clock_steps;
  for (const auto& [name, count] : f.failures) t.sum.failures[name] += count;
}

std::string run_seed(std::uint64_t seed, bool verbose, Totals& totals) {
  seed_high = static_cast<std::sig_atomic_t>(seed / 1'000'000);
  seed_low = static_cast<std::sig_atomic_t>(seed % 1'000'000);
  Run run(draw_scenario(seed), verbose);
  std::string complaint = run.go();
  add(run.figures(), totals);
  totals.failed += complaint.empty() ? 0U : 1U;
  return complaint;
}

void print(const Totals& t) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%llu seeds, %llu failed; %llu steps, %llu requests, %llu succeeded, %llu attempts\n", number(t.seeds),
              number(t.failed), number(t.sum.steps), number(t.sum.requests), number(t.sum.succeeded), number(t.sum.attempts));
  const FaultCounts& f = t.sum.faults;
  std::printf(
      "%llu connections: %llu refused, %llu lost, %llu reset, %llu closed, %llu stalled; %llu pauses, %llu clock steps\n",
      number(f.connections), number(f.refused), number(f.lost), number(f.resets), number(f.closes), number(f.stalls),
      number(f.pauses), number(f.clock_steps));
  for (const auto& [name, count] : t.sum.failures) std::printf("  %s %llu\n", name.c_str(), number(count));
}

void expect_fine(std::uint64_t first, std::uint64_t count) {
  Totals totals;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const std::string complaint = run_seed(seed, false, totals);
    EXPECT_EQ(complaint, "") << how_to_repeat(seed);
  }
  EXPECT_GT(totals.sum.succeeded, totals.sum.requests / 3);  // the network is bad, not dead
  EXPECT_LT(totals.sum.succeeded, totals.sum.requests);
}

// In several parts, so that they run side by side.
TEST(Faults, EachRequestEndsOnceAndNothingStaysBehind) { expect_fine(0, 250); }
TEST(Faults, EachRequestEndsOnceAndNothingStaysBehind2) { expect_fine(250, 250); }
TEST(Faults, EachRequestEndsOnceAndNothingStaysBehind3) { expect_fine(500, 250); }
TEST(Faults, EachRequestEndsOnceAndNothingStaysBehind4) { expect_fine(750, 250); }

TEST(Faults, ASeedIsTheSameEveryTime) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    Totals once;
    Totals again;
    EXPECT_EQ(run_seed(seed, false, once), run_seed(seed, false, again));
    EXPECT_EQ(once.sum.steps, again.sum.steps) << seed;
    EXPECT_EQ(once.sum.failures, again.sum.failures) << seed;
    EXPECT_EQ(once.sum.faults.connections, again.sum.faults.connections) << seed;
  }
}

int run_seeds(std::uint64_t first, std::uint64_t count, bool verbose) {
  Totals totals;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const std::string complaint = run_seed(seed, verbose, totals);
    if (!complaint.empty()) std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), complaint.c_str());
  }
  print(totals);
  return totals.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace infbench::faults

int main(int argc, char** argv) {
  std::signal(SIGABRT, infbench::faults::on_abort);
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (what == "--seed" && argc == 3) return infbench::faults::run_seeds(std::strtoull(argv[2], nullptr, 10), 1, true);
  if (what == "--seeds" && argc == 4) {
    return infbench::faults::run_seeds(std::strtoull(argv[2], nullptr, 10), std::strtoull(argv[3], nullptr, 10), false);
  }
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
