// The command line of srtctl route: read as sglang-router's is, and told in recipes as it is.
#include "cli/options_route.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "recipe/known_flags.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"

namespace infbench::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Parsed {
  RouteOptions options;
  std::string mistake;  // of CLI11 or ours; empty: none
};

Parsed parsed(std::vector<std::string> words) {
  Parsed result;
  CLI::App app;
  add_route(app, result.options);
  words.insert(words.begin(), "route");
  std::reverse(words.begin(), words.end());
  try {
    app.parse(words);
    result.mistake = route_mistake(*app.get_subcommands().front(), result.options);
  } catch (const CLI::ParseError& error) {
    result.mistake = error.what();
  }
  return result;
}

TEST(RouteOptions, ListsEndWhereTheNextFlagBegins) {
  const Parsed urls = parsed({"--worker-urls", "http://a:1", "http://b:2", "--policy", "random", "--max-concurrent-requests",
                              "-1", "--request-id-headers", "x-a", "x-b", "--port", "0"});
  EXPECT_EQ(urls.mistake, "");
  EXPECT_THAT(urls.options.worker_urls, ElementsAre("http://a:1", "http://b:2"));
  EXPECT_THAT(urls.options.settings.request_id_headers, ElementsAre("x-a", "x-b"));
  EXPECT_EQ(urls.options.settings.policy, "random");
  EXPECT_EQ(urls.options.concurrent_max, -1);
  EXPECT_EQ(urls.options.settings.port, 0);

  const Parsed none = parsed({"--worker-urls", "--port", "1"});  // as the original: a gateway without workers yet
  EXPECT_EQ(none.mistake, "");
  EXPECT_THAT(none.options.worker_urls, IsEmpty());
  EXPECT_EQ(none.options.settings.port, 1);
}

TEST(RouteOptions, PrefillAndDecodeRepeat) {
  const Parsed pairs = parsed({"--pd-disaggregation", "--prefill", "http://p:1", "9001", "--decode", "http://d:1", "--prefill",
                               "http://p:2", "none", "--prefill", "http://p:3", "--policy", "random", "--decode", "http://d:2",
                               "--prefill", "http://p:4", "--tp=4", "--prefill=http://p:5"});
  EXPECT_EQ(pairs.mistake, "");
  EXPECT_THAT(pairs.options.prefill,
              ElementsAre("http://p:1", "9001", "http://p:2", "none", "http://p:3", "http://p:4", "http://p:5"));
  EXPECT_THAT(pairs.options.decode, ElementsAre("http://d:1", "http://d:2"));
  EXPECT_TRUE(pairs.options.settings.disaggregated);
  EXPECT_EQ(pairs.options.settings.policy, "random");
  EXPECT_EQ(pairs.options.tp, 4);
}

TEST(RouteOptions, WhatIsWrongIsSaid) {
  struct Case {
    std::vector<std::string> words;
    ::testing::Matcher<const std::string&> said;
  };
  const std::vector<Case> cases = {
      {{"stray"}, HasSubstr("expected a flag, found 'stray'")},
      {{"--polcy", "random"}, HasSubstr("there is no flag --polcy: did you mean '--policy'?")},
      {{"--decode", "http://d:1", "http://d:2"}, HasSubstr("found 'http://d:2'")},
      {{"--prefill", "http://p:1", "9001", "http://p:2"}, HasSubstr("found 'http://p:2'")},
      {{"--prefill", "http://p:1", "nowhere"}, HasSubstr("expected an address, a port or none, found 'nowhere'")},
      {{"--policy", "fastest"}, HasSubstr("fastest")},
      {{"--cache-threshold", "1.5"}, HasSubstr("1.5")},
      {{"--port", "70000"}, HasSubstr("70000")},
      {{"--tls-cert-path", "c.pem"}, HasSubstr("--tls-key-path: give both")},
      {{"--gpu", "h200"}, HasSubstr("--gpu needs --model")},
      // Those without a value, with one and with several: all are named, each with its reason.
      {{"--selector", "a=b", "c=d", "--mini-lb", "--redis-url", "x", "--worker-urls", "http://a:1"},
       AllOf(HasSubstr("flag --selector: "), HasSubstr("flag --mini-lb: "), HasSubstr("flag --redis-url: "))},
  };
  for (const Case& one : cases) EXPECT_THAT(parsed(one.words).mistake, one.said) << one.words.front();
}

TEST(RouteOptions, RecipesKnowTheSameFlags) {
  CLI::App app;
  RouteOptions options;
  add_route(app, options);
  std::set<std::string> flags;
  for (const CLI::Option* option : app.get_subcommand("route")->get_options()) {
    for (const std::string& name : option->get_lnames()) flags.insert(name);
  }
  flags.erase("help");
  std::set<std::string> refused;
  for (const recipe::RefusedFlag& flag : recipe::refused_router_flags()) {
    EXPECT_FALSE(flag.why.empty()) << flag.name;
    EXPECT_TRUE(refused.insert(std::string(flag.name)).second) << flag.name;
    EXPECT_EQ(flags.erase(std::string(flag.name)), 1U) << flag.name;
  }
  for (const recipe::RefusedFlag& flag : recipe::refused_in_recipes()) {
    if (!refused.contains(std::string(flag.name))) {
      EXPECT_EQ(flags.erase(std::string(flag.name)), 1U) << flag.name;
    }
    refused.emplace(flag.name);
  }
  std::set<std::string> known;
  for (const recipe::KnownFlag& flag : recipe::srtctl_route_flags().flags) known.emplace(flag.name);
  EXPECT_EQ(known, flags);
  for (const recipe::KnownFlag& flag : recipe::sglang_router_flags().flags) {
    EXPECT_EQ(known.contains(std::string(flag.name)) + refused.contains(std::string(flag.name)), 1) << flag.name;
  }
}

// What route refuses is known before the GPUs are anybody's: each limit of the one is one of the other.
TEST(RouteOptions, RecipesTakeTheSameNumbers) {
  const std::vector<std::string> values = {"-2",  "-1",  "-0.5", "0",     "0.0009",  "0.05",
                                           "0.5", "1.5", "1001", "65537", "1000001", "2e9"};
  int compared = 0;
  for (const recipe::KnownFlag& flag : recipe::srtctl_route_flags().flags) {
    if (flag.type != recipe::FlagType::integer && flag.type != recipe::FlagType::number) continue;
    for (const std::string& value : values) {
      const bool whole = value.find_first_of(".e") == std::string::npos;
      if (flag.type == recipe::FlagType::integer && !whole) continue;
      if (recipe::srtctl_route_flags().is_planned(flag.name)) continue;
      const std::string text = recipe::edited(
          recipe::kAggregated,
          {{"  type: sglang\n", "  type: srtctl\n"}, {"  args:\n", fmt::format("  args:\n    {}: {}\n", flag.name, value)}});
      const auto read = recipe::read_recipe_text(text, "r.yaml");
      const Parsed given = parsed({fmt::format("--{}={}", flag.name, value)});
      EXPECT_EQ(read.has_value(), given.mistake.empty()) << flag.name << ": " << value << "\n"
                                                         << given.mistake << (read ? "" : format_errors(read.error()));
      ++compared;
    }
  }
  EXPECT_GT(compared, 400);
}

}  // namespace
}  // namespace infbench::cli
