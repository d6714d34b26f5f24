// The recipe room knows policies and flags by name only; here its tables are held against what routing really has.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/options_route.h"
#include "recipe/known_flags.h"
#include "recipe/policies.h"
#include "route/factory.h"

namespace infbench {
namespace {

TEST(Policies, TheTableOfRecipesAndTheFactoryAgree) {
  std::vector<std::string_view> modelled;
  for (const recipe::PolicyInfo& policy : recipe::policies()) {
    if (policy.modelled) modelled.push_back(policy.name);
  }
  EXPECT_THAT(modelled, ::testing::UnorderedElementsAreArray(route::policy_names()));
}

TEST(Policies, EveryPolicyOfOursIsModelled) {
  for (const std::string_view name : recipe::policies_of("srtctl", false)) {
    EXPECT_TRUE(route::make_policy(name, {})) << name;
  }
}

TEST(RouteFlags, TheTableOfRecipesHasThoseThatRouteTakes) {
  std::vector<std::string> known;
  for (const recipe::KnownFlag& flag : recipe::srtctl_route_flags().flags) known.emplace_back(flag.name);
  EXPECT_EQ(known, cli::route_flags());
}

TEST(RouteFlags, NoFlagIsTakenAndRefused) {
  const std::vector<std::string> taken = cli::route_flags();
  for (const cli::RefusedRouterFlag& refused : cli::refused_router_flags()) {
    EXPECT_THAT(taken, ::testing::Not(::testing::Contains(std::string(refused.flag.substr(2))))) << refused.flag;
    EXPECT_NE(recipe::sglang_router_flags().find(refused.flag.substr(2)), nullptr) << refused.flag;
    EXPECT_FALSE(refused.why.empty());
  }
}

}  // namespace
}  // namespace infbench
