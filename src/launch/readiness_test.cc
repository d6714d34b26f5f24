#include "launch/readiness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/plan_for_test.h"

namespace infbench::launch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr Question kWorkers{.kind = QuestionKind::router_workers};
constexpr Question kToken{.kind = QuestionKind::first_token};
Question health(int worker) { return {.kind = QuestionKind::health, .worker = worker}; }

const Answer kGood{.status = 200, .body = "{}", .error = {}};
const Answer kRefused{.status = 0, .body = {}, .error = "connection refused"};
const Answer kToken1{.status = 200, .body = R"({"choices":[{"message":{}}],"usage":{"completion_tokens":1}})", .error = {}};

Time at(std::int64_t ms) { return Time{} + milliseconds(ms); }

TEST(Readiness, AsksSoonThenOnceASecond) {
  const plan::Plan plan = plan_for_test();
  Readiness readiness(plan, at(0));
  EXPECT_THAT(readiness.due(at(0)), ElementsAre(health(0), health(1), kWorkers));
  EXPECT_THAT(readiness.due(at(0)), IsEmpty()) << "each waits for its answer";
  EXPECT_EQ(readiness.next(), kNever);
  readiness.on_answer(health(0), kGood, at(0));
  readiness.on_answer(kWorkers, kRefused, at(0));
  std::vector<std::int64_t> asked_ms;
  std::int64_t now = 0;
  readiness.on_answer(health(1), kRefused, at(0));
  for (int i = 0; i < 5; ++i) {
    now = readiness.next().ns / 1'000'000;
    asked_ms.push_back(now);
    EXPECT_THAT(readiness.due(at(now)), testing::Contains(kWorkers));
    readiness.on_answer(kWorkers, kRefused, at(now));
    readiness.on_answer(health(1), kRefused, at(now));
  }
  EXPECT_THAT(asked_ms, ElementsAre(200, 600, 1400, 2400, 3400));
}

TEST(Readiness, WantsWorkersThenRouterThenAToken) {
  for (const bool disaggregated : {false, true}) {
    const plan::Plan plan = plan_for_test(disaggregated);
    Readiness readiness(plan, at(0));
    readiness.due(at(0));
    readiness.on_answer(health(0), kGood, at(10));
    EXPECT_THAT(readiness.waiting_for(), HasSubstr("1 of 2 workers are healthy; worker http://127.0.0.1:6101: not asked yet"));
    readiness.on_answer(health(1), kGood, at(20));
    EXPECT_THAT(readiness.due(at(20)), IsEmpty());
    readiness.on_answer(kWorkers, {.status = 200, .body = workers_listed(plan, false), .error = {}}, at(30));
    EXPECT_THAT(readiness.waiting_for(), HasSubstr("http://127.0.0.1:6100 is registered, but not healthy"));
    EXPECT_THAT(readiness.due(at(230)), ElementsAre(kWorkers));
    readiness.on_answer(kWorkers, {.status = 200, .body = workers_listed(plan), .error = {}}, at(240));
    EXPECT_THAT(readiness.due(at(240)), ElementsAre(kToken));
    readiness.on_answer(kToken, {.status = 503, .body = "no workers", .error = {}}, at(250));
    EXPECT_FALSE(readiness.ready());
    EXPECT_THAT(readiness.who_is_not_ready(),
                ElementsAre("first token from http://127.0.0.1:8000: HTTP status 503: no workers"));
    EXPECT_THAT(readiness.due(at(450)), ElementsAre(kToken));
    readiness.on_answer(kToken, kToken1, at(460));
    EXPECT_TRUE(readiness.ready());
    EXPECT_THAT(readiness.due(at(5020)), ElementsAre(health(0), health(1)))
        << "the router and the token are not asked any more";
  }
}

TEST(Readiness, OneFailureIsForgivenThreeAreNot) {
  const plan::Plan plan = plan_for_test();
  Readiness readiness(plan, at(0));
  readiness.due(at(0));
  readiness.on_answer(health(1), kGood, at(0));
  std::int64_t now = 5000;
  for (const bool good : {false, true, false, false, true, false, false, false}) {
    EXPECT_FALSE(readiness.unhealthy().has_value());
    EXPECT_THAT(readiness.due(at(now)), testing::Contains(health(1)));
    readiness.on_answer(health(1), good ? kGood : kRefused, at(now));
    now += good ? 5000 : 1000;
  }
  ASSERT_TRUE(readiness.unhealthy().has_value());
  EXPECT_EQ(readiness.unhealthy()->worker, 1);
  EXPECT_EQ(readiness.unhealthy()->last_said, "connection refused");
}

TEST(Readiness, AWorkerThatNeverWasHealthyIsNotUnhealthy) {
  const plan::Plan plan = plan_for_test();
  Readiness readiness(plan, at(0));
  for (int i = 0; i < 10; ++i) {
    readiness.due(at(i * 1000));
    readiness.on_answer(health(0), kRefused, at(i * 1000));
  }
  EXPECT_FALSE(readiness.unhealthy().has_value());
}

struct RouterCase {
  std::string what, body, complaint;
};

TEST(Questions, TheRoutersListHasToBeThePlans) {
  const plan::Plan plan = plan_for_test(true);
  const auto entry = [](const std::string& url, const std::string& type, const std::string& healthy = "true") {
    return R"({"url":")" + url + R"(","worker_type":")" + type + R"(","is_healthy":)" + healthy + "}";
  };
  const std::string prefill = entry("http://127.0.0.1:6100", "prefill");
  const std::string decode = entry("http://127.0.0.1:6101/", "decode");
  const std::vector<RouterCase> cases{
      {"as it should be", prefill + "," + decode, ""},
      {"in another order", decode + "," + prefill, ""},
      {"none", "", "0 of 2 workers are registered and healthy; http://127.0.0.1:6100 is not registered"},
      {"one", prefill, "1 of 2 workers are registered and healthy; http://127.0.0.1:6101 is not registered"},
      {"wrong role", prefill + "," + entry("http://127.0.0.1:6101", "prefill"),
       "1 of 2 workers are registered and healthy; http://127.0.0.1:6101 is a decode worker, the router has it as 'prefill'"},
      {"sick", prefill + "," + entry("http://127.0.0.1:6101", "decode", "false"),
       "1 of 2 workers are registered and healthy; http://127.0.0.1:6101 is registered, but not healthy"},
      {"too many", prefill + "," + decode + "," + entry("http://127.0.0.1:9", "decode"),
       "expected 2 workers, found 3: another deployment uses this router"}};
  for (const RouterCase& c : cases) {
    EXPECT_EQ(complaint_of_router({.status = 200, .body = "{\"workers\":[" + c.body + "]}", .error = {}}, plan), c.complaint)
        << c.what;
  }
  EXPECT_EQ(complaint_of_router({.status = 200, .body = "oops", .error = {}}, plan),
            "its answer to /workers has no list of workers");
  EXPECT_EQ(complaint_of_router({.status = 500, .body = "a\nb", .error = {}}, plan), "HTTP status 500: a b");
}

TEST(Questions, AFirstTokenIsAToken) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {R"({"choices":[{}]})", ""},
      {R"({"choices":[{}],"usage":{"completion_tokens":1}})", ""},
      {R"({"choices":[{}],"usage":{"completion_tokens":0}})", "its answer has no token"},
      {R"({"choices":[]})", "its answer has no choices"},
      {R"({"error":{"message":"x"}})", "its answer has no choices"},
      {"", "its answer has no choices"}};
  for (const auto& [body, complaint] : cases) {
    EXPECT_EQ(complaint_of_first_token({.status = 200, .body = body, .error = {}}), complaint) << body;
  }
}

TEST(Questions, Requests) {
  const plan::Plan plan = plan_for_test();
  const Request token = request_for(plan, kToken);
  EXPECT_EQ(token.method + " " + token.url + token.path, "POST http://127.0.0.1:8000/v1/chat/completions");
  EXPECT_EQ(token.body, R"({"model":"m","messages":[{"role":"user","content":"Hello"}],"max_tokens":1})");
  const Request flush = request_for(plan, {.kind = QuestionKind::flush, .worker = 1});
  EXPECT_EQ(flush.method + " " + flush.url + flush.path, "POST http://127.0.0.1:6101/flush_cache");
  const Request workers = request_for(plan, kWorkers);
  EXPECT_EQ(workers.method + " " + workers.url + workers.path, "GET http://127.0.0.1:8000/workers");
}

}  // namespace
}  // namespace infbench::launch
