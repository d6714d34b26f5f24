// What naming a prompt's pages and drawing a number cost: both happen for every request.
#include <benchmark/benchmark.h>

#include "base/hash.h"
#include "base/random.h"

namespace infbench {
namespace {

void chain_pages(benchmark::State& state) {
  for (auto _ : state) {
    PageHash page;
    for (std::int64_t i = 0; i < state.range(0); ++i) page = chain(page, static_cast<std::uint64_t>(i));
    benchmark::DoNotOptimize(page);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(chain_pages)->Arg(188);  // the mean prompt of the conversation trace in pages of 64 tokens

void draw_below(benchmark::State& state) {
  Random random(1);
  for (auto _ : state) benchmark::DoNotOptimize(random.below(1'000'003));
}
BENCHMARK(draw_below);

}  // namespace
}  // namespace infbench
