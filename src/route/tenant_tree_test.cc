#include "route/tenant_tree.h"

#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "route/route_for_test.h"

namespace infbench::route::testing {
namespace {

constexpr WorkerId kA{0};
constexpr WorkerId kB{1};

TEST(TenantTree, AnswersWithTheFirstInserterOfTheDeepestNode) {
  TenantTree tree;
  const Prompt shared = prompt_of({{1, 4}, {2, 4}});
  const Prompt branch = prompt_of({{1, 4}, {3, 4}});
  EXPECT_EQ(tree.match(shared.pages).tenant, std::nullopt);
  tree.insert(shared.pages, 10, kB);
  tree.insert(branch.pages, 10, kA);
  EXPECT_EQ(tree.match(shared.pages).tenant, kB);
  EXPECT_EQ(tree.match(branch.pages).tenant, kA);
  const auto common = tree.match(prompt_of({{1, 4}, {9, 4}}).pages);
  EXPECT_EQ(common.pages, 4u);
  EXPECT_EQ(common.tenant, kB);  // the upper part of B's node
  tree.insert(shared.pages, 10, kA);
  EXPECT_EQ(tree.match(shared.pages).tenant, kB) << "who came first stays";
  const auto inside = tree.match(prompt_of({{1, 4}, {3, 2}, {9, 1}}).pages);
  EXPECT_EQ(inside.pages, 6u);
  EXPECT_EQ(inside.tenant, kA) << "a node matched in part answers too";
}

TEST(TenantTree, CountsThePagesThatATenantWasSent) {
  TenantTree tree;
  tree.insert(prompt_of({{1, 4}, {2, 4}}).pages, 10, kB);
  tree.insert(prompt_of({{1, 4}, {3, 4}}).pages, 10, kA);
  const auto match = tree.match(prompt_of({{1, 4}, {2, 3}, {9, 1}}).pages);
  EXPECT_EQ(match.pages, 7u);
  EXPECT_EQ(tree.pages_of(kB, match), 7u);
  EXPECT_EQ(tree.pages_of(kA, match), 4u);
  EXPECT_EQ(tree.pages_of(WorkerId{5}, match), 0u);
  EXPECT_EQ(tree.chars(kA), 80);
  EXPECT_EQ(tree.chars(kB), 80);
}

TEST(TenantTree, EvictsTheLeastRecentlyUsedLeavesOfThoseAboveTheirSize) {
  TenantTree tree;
  const Prompt one = prompt_of({{1, 4}, {2, 4}});
  const Prompt two = prompt_of({{1, 4}, {3, 4}});
  const Prompt three = prompt_of({{4, 4}});
  tree.insert(one.pages, 10, kA);
  tree.insert(two.pages, 10, kA);
  tree.insert(three.pages, 10, kA);
  tree.insert(one.pages, 10, kB);
  tree.insert(one.pages, 10, kA);  // used again: `two` is now the oldest
  EXPECT_EQ(tree.chars(kA), 160);
  tree.evict(160);
  EXPECT_EQ(tree.chars(kA), 160) << "it fits";
  tree.evict(159);
  EXPECT_EQ(tree.chars(kA), 120);
  EXPECT_EQ(tree.match(two.pages).pages, 4u);
  EXPECT_EQ(tree.match(three.pages).pages, 4u);
  tree.evict(80);
  EXPECT_EQ(tree.match(three.pages).pages, 0u);
  EXPECT_EQ(tree.chars(kB), 80);
  tree.evict(40);
  EXPECT_EQ(tree.chars(kA), 40);
  EXPECT_EQ(tree.chars(kB), 40);
  EXPECT_EQ(tree.match(one.pages).pages, 4u);
}

TEST(TenantTree, WithoutItsFirstTenantANodeAnswersWithAnother) {
  TenantTree tree;
  const Prompt prompt = prompt_of({{1, 4}});
  tree.insert(prompt.pages, 10, WorkerId{2});
  tree.insert(prompt.pages, 10, kB);
  tree.insert(prompt.pages, 10, kA);
  tree.remove(WorkerId{2});
  EXPECT_EQ(tree.match(prompt.pages).tenant, kA);
  EXPECT_EQ(tree.chars(WorkerId{2}), 0);
  tree.insert(prompt.pages, 10, WorkerId{2});
  EXPECT_EQ(tree.match(prompt.pages).tenant, kA) << "it is one of many when it comes back";
  for (std::uint32_t id = 0; id < 3; ++id) tree.remove(WorkerId{id});
  EXPECT_EQ(tree.nodes(), 0u);
  EXPECT_EQ(tree.match(prompt.pages).tenant, std::nullopt);
}

// Against sets of pages per tenant: sizes, matches and what each was sent, over insertions and removals of tenants.
RC_GTEST_PROP(TenantTree, KeepsWhatEachTenantWasSent, ()) {
  TenantTree tree;
  std::map<std::uint32_t, std::set<PageHash>> naive;
  const int steps = *rc::gen::inRange(1, 40);
  for (int step = 0; step < steps; ++step) {
    const WorkerId tenant{*rc::gen::inRange(0u, 4u)};
    if (*rc::gen::inRange(0, 10) == 0) {
      tree.remove(tenant);
      naive.erase(tenant.value);
      continue;
    }
    const auto name = [] { return *rc::gen::inRange(std::uint64_t{0}, std::uint64_t{3}); };
    const auto pages = [] { return *rc::gen::inRange(0, 4); };
    const Prompt prompt = prompt_of({{name(), pages()}, {name(), pages()}, {name(), pages()}});
    const auto match = tree.match(prompt.pages);
    std::set<PageHash> all;
    for (const auto& [id, kept] : naive) all.insert(kept.begin(), kept.end());
    const auto leading = [&](const std::set<PageHash>& kept) {
      std::size_t count = 0;
      while (count < prompt.pages.size() && kept.contains(prompt.pages[count])) ++count;
      return count;
    };
    RC_ASSERT(match.pages == leading(all));
    RC_ASSERT(match.tenant.has_value() == (match.pages > 0));
    for (std::uint32_t id = 0; id < 4; ++id) RC_ASSERT(tree.pages_of(WorkerId{id}, match) == leading(naive[id]));
    if (match.tenant) RC_ASSERT(leading(naive[match.tenant->value]) == match.pages);
    tree.insert(prompt.pages, 7, tenant);
    naive[tenant.value].insert(prompt.pages.begin(), prompt.pages.end());
    for (std::uint32_t id = 0; id < 4; ++id) {
      RC_ASSERT(tree.chars(WorkerId{id}) == 7 * static_cast<std::int64_t>(naive[id].size()));
    }
  }
  const std::int64_t most = *rc::gen::inRange(0, 100);
  tree.evict(most);
  for (std::uint32_t id = 0; id < 4; ++id) RC_ASSERT(tree.chars(WorkerId{id}) <= most);
}

}  // namespace
}  // namespace infbench::route::testing
