#include "live/gateway_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "base/random.h"
#include "cost/step_time.h"
#include "live/gateway_log_check.h"
#include "route/factory.h"

namespace infbench::live {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Drawn {
  std::string_view policy;
  bool pairs = false;
};

UpstreamSettings worker_of(std::size_t i, bool pairs, const cost::StepTime* speed) {
  const std::string url = "http://127.0.0.1:" + std::to_string(8000 + i);
  return {.target = {.host = "127.0.0.1", .port = static_cast<int>(8000 + i), .path = {}, .url = url},
          .role = !pairs       ? Role::aggregated
                  : i % 2 == 0 ? Role::prefill
                               : Role::decode,
          .bootstrap_port = {},
          .speed = speed,
          .kv_capacity = 64 * 40};
}

// A gateway to which everything happens that can, in an order drawn at random.
class Drive {
 public:
  Drive(const GatewaySettings& settings, GatewayLog& log, std::uint64_t seed) : random_(seed), pairs_(settings.disaggregated) {
    gateway_ = *Gateway::make(settings, now_, &log);
  }

  void step() {
    now_ = now_ + milliseconds(static_cast<std::int64_t>(random_.below(40)));
    for (const WorkerId id : gateway_->health_due(now_)) gateway_->health(id, random_.below(10) > 0, now_);
    if (gateway_->next() <= now_) gateway_->advance(now_);
    switch (random_.below(12)) {
      case 0:
      case 1:
      case 2:
      case 3: arrive(); break;
      case 4: of_call([&](CallId call) { gateway_->left(call, now_); }); break;
      case 5: kv(); break;
      case 6: gateway_->add_worker(worker_of(gateway_->workers().size(), pairs_, nullptr), now_); break;
      case 7:
        if (random_.below(4) == 0) gateway_->remove_worker(any_worker(), now_);
        break;
      default: of_call([&](CallId call) { answer(call); });
    }
  }

 private:
  WorkerId any_worker() { return {static_cast<std::uint32_t>(random_.below(gateway_->workers().size()))}; }

  void draw_pages(std::vector<PageHash>& pages) {
    pages.clear();
    const std::uint64_t family = random_.below(6);
    for (std::uint64_t i = 0; i < 1 + random_.below(9); ++i) pages.push_back({family * 1000 + i + (1ULL << 63U)});
  }

  void arrive() {
    PromptInfo prompt;
    draw_pages(prompt.pages);
    prompt.input = static_cast<Tokens>(prompt.pages.size()) * kGatewayPage + 3;
    prompt.output_max = 20;
    prompt.told_pages = random_.below(2) == 0;
    prompt.streamed = random_.below(2) == 0;
    prompt.chars = prompt.pages.size() * kGatewayBlockBytes + random_.below(5000);
    const std::array<std::string_view, 4> keys{"", "a \"key\"", "b", "c"};
    calls_.push_back(gateway_->arrived(prompt, keys[random_.below(keys.size())], now_));
  }

  template <class Do>
  void of_call(Do what) {
    if (!calls_.empty()) what(calls_[random_.below(calls_.size())]);
  }

  void answer(CallId call) {
    const Part part = !pairs_ ? Part::whole : random_.below(2) == 0 ? Part::prefill : Part::decode;
    switch (random_.below(5)) {
      case 0: gateway_->answered(call, part, random_.below(3) == 0 ? 503 : 200, now_); break;
      case 1: gateway_->first_bytes(call, part, now_); break;
      case 2: gateway_->ended(call, part, now_); break;
      case 3: gateway_->broke(call, part, now_); break;
      default: gateway_->answered(call, part, 200, now_);
    }
  }

  void kv() {
    std::vector<PageHash> pages;
    draw_pages(pages);
    gateway_->kv(any_worker(), static_cast<KvChange>(random_.below(4)), pages, now_);
  }

  Random random_;
  bool pairs_;
  Time now_{1000};
  std::unique_ptr<Gateway> gateway_;
  std::vector<CallId> calls_;
};

std::string drawn_log(std::string_view policy, bool pairs, std::uint64_t seed) {
  const cost::StepTime speed({.step = 1000, .token = 200});
  GatewaySettings settings;
  settings.policy = policy;
  settings.disaggregated = pairs;
  settings.seed = seed;
  settings.health.interval = milliseconds(300);
  settings.breaker = {.failures_to_open = 2, .open_for = milliseconds(200)};
  settings.retry.attempts_max = 3;
  settings.parameters = {.balance_abs_threshold = static_cast<std::int64_t>(seed % 3),
                         .eviction_interval = milliseconds(700),
                         .assignment_mode = static_cast<route::PolicyParameters::AssignmentMode>(seed % 3),
                         .max_idle = milliseconds(900),
                         .bucket_adjust_interval = milliseconds(400)};
  settings.request_timeout = seconds(2);
  settings.admission = {.concurrent_max = 6, .queue_max = 4, .queue_timeout = milliseconds(500), .rate_per_s = 30.5};
  for (std::size_t i = 0; i < 4; ++i) settings.workers.push_back(worker_of(i, pairs, seed % 2 == 0 ? &speed : nullptr));
  GatewayLog log(settings, Time{1000}, 5);
  Drive drive(settings, log, seed);
  for (int i = 0; i < 400; ++i) drive.step();
  return log.text();
}

TEST(GatewayLog, WhateverHappensTheReplayOfItsInputsChoosesTheSame) {
  std::size_t choices = 0;
  for (const std::string_view policy : route::policy_names()) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const std::string log = drawn_log(policy, seed % 3 == 2, seed);
      const auto check = check_gateway_log(log);
      ASSERT_TRUE(check) << policy << seed << format_errors(check.error());
      EXPECT_THAT(check->differences, IsEmpty()) << policy << seed;
      choices += check->choices;
    }
  }
  EXPECT_GT(choices, 500U);
}

TEST(GatewayLog, TheCheckFindsWhatWasChanged) {
  const std::string log = drawn_log("min_ttft", false, 4);
  for (const std::string_view what :
       {R"("reason":"least_ttft")", R"("type":"retried")", R"("type":"refused")", R"("uncomputed":)"}) {
    std::string changed = log;
    const std::size_t at = changed.find(what);
    ASSERT_NE(at, std::string::npos) << what;
    changed.insert(at + what.size() - 1, "1");
    const auto check = check_gateway_log(changed);
    EXPECT_TRUE(!check || check->differences.size() == 1) << what;
  }
  // Without one of the inputs.
  const std::size_t line = log.find("{\"type\":\"arrived\"");
  const std::size_t end = log.find('\n', line) + 1;
  const auto check = check_gateway_log(log.substr(0, line) + log.substr(end));
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_EQ(check->differences.size(), 1U);
}

TEST(GatewayLog, SeveralRunsInOneFileAndACutEnd) {
  const std::string one = drawn_log("random", false, 1);
  const auto check = check_gateway_log(one + one + one.substr(0, one.size() - 3));
  ASSERT_TRUE(check) << format_errors(check.error());
  EXPECT_THAT(check->differences, IsEmpty());
  const auto alone = check_gateway_log(one);
  ASSERT_TRUE(alone) << format_errors(alone.error());
  EXPECT_LE(check->choices, 3 * alone->choices);
  EXPECT_GE(check->choices + 1, 3 * alone->choices) << "at most the last line is lost";
}

TEST(GatewayLog, WhatIsNoLogIsAnErrorWithItsLine) {
  const std::string first = drawn_log("random", false, 1).substr(0, drawn_log("random", false, 1).find('\n') + 1);
  const std::pair<std::string, int> wrong[] = {{"{}\n", 1},
                                               {"x\n", 1},
                                               {R"({"type":"advance","at":5})"
                                                "\n",
                                                1},
                                               {first + R"({"type":"advance","at":5})"
                                                        "\n",
                                                2},
                                               {first + R"({"type":"health","at":5000,"worker":9,"ok":true})"
                                                        "\n",
                                                2}};
  for (const auto& [text, line] : wrong) {
    const auto check = check_gateway_log(text);
    ASSERT_FALSE(check) << text;
    EXPECT_EQ(check.error().front().line, line) << text;
  }
}

TEST(DecisionFile, AFullDiskEndsTheLog) {
  auto full = DecisionFile::open("/dev/full");
  ASSERT_TRUE(full);
  full->write("{}\n");
  EXPECT_THAT(full->problem(), HasSubstr("/dev/full"));
  full->write("{}\n");  // does nothing
  EXPECT_FALSE(DecisionFile::open("/nowhere/log"));
}

}  // namespace
}  // namespace infbench::live
