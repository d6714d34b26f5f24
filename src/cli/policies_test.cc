// The recipe room knows policies by name only; here its table is held against what routing really has.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace infbench
