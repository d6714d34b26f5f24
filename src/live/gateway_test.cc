// The gateway's decisions as timelines: what it wants after what has happened.
#include "live/gateway.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "live/gateway_for_test.h"

namespace infbench::live {
namespace {

using test::gateway_settings;
using test::GatewayBench;
using test::pair_settings;
using test::prompt_info;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// ---- One worker a request

TEST(Gateway, AnAnswerIsRelayedAndEnds) {
  GatewayBench b(gateway_settings(2));
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0"));
  EXPECT_EQ(b.in_ledger(0), 1);
  b.gateway->answered(1, Part::whole, 200, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("relay 1 whole"));
  b.gateway->first_bytes(1, Part::whole, b.now);
  b.gateway->ended(1, Part::whole, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("finished 1"));
  EXPECT_TRUE(b.is_idle());
  EXPECT_EQ(b.gateway->next(), kNever);
}

TEST(Gateway, AClientsErrorIsRelayedAndNotRepeated) {
  GatewayBench b(gateway_settings(3));
  for (const int status : {400, 401, 404, 422, 501}) {
    const CallId call = b.arrive();
    b.commands();
    b.serve(call, Part::whole, status);
    EXPECT_THAT(b.commands(), ElementsAre("relay " + std::to_string(call) + " whole", "finished " + std::to_string(call)));
  }
  EXPECT_EQ(b.gateway->counters().retries, 0U);
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, AFailureIsRepeatedAtWorkersThatHaveNotFailedIt) {
  for (const int status : {0, 408, 429, 500, 502, 503, 504}) {  // 0: the connection broke
    GatewayBench b(gateway_settings(3));
    b.arrive();
    std::vector<std::string> expected{"send 1 whole 0"};
    for (int tries = 1; tries < 3; ++tries) {
      status == 0 ? b.gateway->broke(1, Part::whole, b.now) : b.gateway->answered(1, Part::whole, status, b.now);
      expected.insert(expected.end(), {"drop 1 whole", "send 1 whole " + std::to_string(tries)});
      b.pass(milliseconds(80));
    }
    b.serve(1);
    expected.insert(expected.end(), {"relay 1 whole", "finished 1"});
    EXPECT_EQ(b.commands(), expected) << status;
    EXPECT_EQ(b.gateway->counters().retries, 2U);
    EXPECT_TRUE(b.is_idle());
  }
}

TEST(Gateway, PausesBetweenTriesGrow) {
  GatewaySettings s = gateway_settings(4);
  s.retry.backoff_first = milliseconds(100);
  s.retry.backoff_factor = 3;
  s.retry.backoff_max = milliseconds(500);
  GatewayBench b(s);
  b.arrive();
  for (const std::int64_t pause : {100, 300, 500}) {
    b.commands();
    b.gateway->broke(1, Part::whole, b.now);
    EXPECT_EQ(b.gateway->next(), b.now + milliseconds(pause));
    b.pass(milliseconds(pause - 1));
    EXPECT_THAT(b.commands(), ElementsAre("drop 1 whole"));
    b.pass(milliseconds(1));
  }
}

TEST(Gateway, WhenAllHaveFailedTheClientIsTold) {
  GatewayBench b(gateway_settings(2));
  b.arrive();
  b.gateway->broke(1, Part::whole, b.now);
  b.pass(seconds(1));
  b.gateway->broke(1, Part::whole, b.now);
  EXPECT_THAT(b.commands(),
              ElementsAre("send 1 whole 0", "drop 1 whole", "send 1 whole 1", "drop 1 whole", "refuse 1 502 upstream_failed"));
  EXPECT_EQ(b.gateway->counters().retries_exhausted, 1U);
  EXPECT_TRUE(b.is_idle());
  // The last one's own words, where it has said something.
  b.arrive();
  b.gateway->broke(2, Part::whole, b.now);
  b.pass(seconds(1));
  b.serve(2, Part::whole, 503);
  EXPECT_THAT(b.commands(), ElementsAre("send 2 whole 0", "drop 2 whole", "send 2 whole 1", "relay 2 whole", "finished 2"));
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, NoMoreTriesThanAllowed) {
  GatewaySettings s = gateway_settings(5);
  s.retry.attempts_max = 1;
  GatewayBench b(s);
  b.arrive();
  b.gateway->broke(1, Part::whole, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "drop 1 whole", "refuse 1 502 upstream_failed"));
}

TEST(Gateway, AWorkerThatGoesDownDuringThePauseIsNotAsked) {
  GatewayBench b(gateway_settings(2));
  b.arrive();
  b.gateway->broke(1, Part::whole, b.now);
  b.gateway->remove_worker({1}, b.now);
  b.pass(seconds(1));
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "drop 1 whole", "refuse 1 502 upstream_failed"));
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, AnAnswerThatBreaksOffIsCut) {
  GatewayBench b(gateway_settings(2));
  b.arrive();
  b.gateway->answered(1, Part::whole, 200, b.now);
  b.gateway->first_bytes(1, Part::whole, b.now);
  b.gateway->broke(1, Part::whole, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "relay 1 whole", "drop 1 whole", "cut 1"));
  EXPECT_TRUE(b.is_idle());
  EXPECT_EQ(b.gateway->workers()[0].breaker.failures(), 1);
}

TEST(Gateway, ATimeLimitEndsSilenceAndStreams) {
  GatewaySettings s = gateway_settings(1);
  s.request_timeout = seconds(10);
  GatewayBench b(s);
  b.arrive();
  b.arrive();
  b.gateway->answered(2, Part::whole, 200, b.now);
  b.commands();
  b.pass(seconds(9));
  EXPECT_THAT(b.commands(), IsEmpty());
  b.pass(seconds(1));
  EXPECT_THAT(b.commands(), ElementsAre("drop 1 whole", "refuse 1 504 timeout", "drop 2 whole", "cut 2"));
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, TheTimeLimitIsThatOfAllAttemptsTogether) {
  GatewaySettings s = gateway_settings(2);
  s.request_timeout = seconds(10);
  GatewayBench b(s);
  b.arrive();
  b.pass(seconds(6));
  b.gateway->broke(1, Part::whole, b.now);
  b.pass(seconds(1));
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "drop 1 whole", "send 1 whole 1"));
  b.pass(seconds(2));
  EXPECT_THAT(b.commands(), IsEmpty());
  b.pass(seconds(1));
  EXPECT_THAT(b.commands(), ElementsAre("drop 1 whole", "refuse 1 504 timeout"));
  EXPECT_TRUE(b.is_idle());
  EXPECT_EQ(b.gateway->workers()[0].breaker.failures(), 1);
  EXPECT_EQ(b.gateway->workers()[1].breaker.failures(), 0) << "it had less than half of the time";
}

TEST(Gateway, WhatHasWaitedForItsWholeTimeIsSentToNobody) {
  GatewaySettings s = gateway_settings(2);
  s.request_timeout = seconds(10);
  s.admission.concurrent_max = 1;
  GatewayBench queue(s);
  for (int i = 0; i < 3; ++i) queue.arrive();
  queue.pass(seconds(10));
  EXPECT_THAT(queue.commands(), ElementsAre("send 1 whole 0", "drop 1 whole", "refuse 1 504 timeout", "refuse 2 504 timeout",
                                            "refuse 3 504 timeout"));
  EXPECT_TRUE(queue.is_idle());
  EXPECT_EQ(queue.gateway->workers()[0].breaker.failures() + queue.gateway->workers()[1].breaker.failures(), 1);

  s.admission.concurrent_max.reset();
  s.retry.backoff_first = seconds(1);
  s.retry.jitter = 0;
  GatewayBench retry(s);
  retry.arrive();
  retry.pass(seconds(9) + Duration{500'000'000});
  retry.gateway->broke(1, Part::whole, retry.now);
  retry.pass(Duration{500'000'000});
  EXPECT_THAT(retry.commands(), ElementsAre("send 1 whole 0", "drop 1 whole", "refuse 1 504 timeout"));
  EXPECT_TRUE(retry.is_idle());
  EXPECT_EQ(retry.gateway->workers()[1].breaker.failures(), 0);
}

TEST(Gateway, AClientMayLeaveInEveryState) {
  GatewaySettings s = gateway_settings(2);
  s.admission.concurrent_max = 4;
  GatewayBench b(s);
  for (int i = 0; i < 5; ++i) b.arrive();  // the fifth is queued
  b.gateway->answered(2, Part::whole, 200, b.now);
  b.gateway->broke(3, Part::whole, b.now);
  b.commands();
  b.gateway->left(5, b.now);  // queued
  EXPECT_THAT(b.commands(), ElementsAre("finished 5"));
  b.gateway->left(1, b.now);  // waiting
  b.gateway->left(2, b.now);  // relaying
  b.gateway->left(3, b.now);  // backing off
  EXPECT_THAT(b.commands(), ElementsAre("drop 1 whole", "finished 1", "drop 2 whole", "finished 2", "finished 3"));
  b.gateway->left(1, b.now);  // gone already
  b.gateway->ended(2, Part::whole, b.now);
  EXPECT_THAT(b.commands(), IsEmpty());
  b.serve(4);
  EXPECT_TRUE(b.is_idle());
  EXPECT_EQ(b.gateway->next(), kNever);
  EXPECT_EQ(b.gateway->workers()[0].breaker.failures(), 1);  // none for those that left
}

// ---- Admission

TEST(Gateway, BeyondTheLimitRequestsWaitInOrderAndThenAreRefused) {
  GatewaySettings s = gateway_settings(1);
  s.admission = {.concurrent_max = 1, .queue_max = 2, .queue_timeout = seconds(60), .rate_per_s = {}};
  GatewayBench b(s);
  for (int i = 0; i < 4; ++i) b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "refuse 4 429 too_many_requests"));
  b.serve(1);
  EXPECT_THAT(b.commands(), ElementsAre("relay 1 whole", "finished 1", "send 2 whole 0"));
  b.arrive();  // behind the third
  b.pass(seconds(60));
  EXPECT_THAT(b.commands(), ElementsAre("refuse 3 408 queue_timeout", "refuse 5 408 queue_timeout"));
  b.serve(2);
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("relay 2 whole", "finished 2", "send 6 whole 0"));
  EXPECT_EQ(b.gateway->counters().refused_full, 1U);
  EXPECT_EQ(b.gateway->counters().refused_waiting, 2U);
  b.serve(6);
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, AQueueOfNoneRefusesAtOnce) {
  GatewaySettings s = gateway_settings(1);
  s.admission.concurrent_max = 1;
  s.admission.queue_max = 0;
  GatewayBench b(s);
  b.arrive();
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 1 whole 0", "refuse 2 429 too_many_requests"));
}

TEST(Gateway, TheRateHoldsRequestsBackAfterABurst) {
  GatewaySettings s = gateway_settings(1);
  s.admission.concurrent_max = 3;
  s.admission.rate_per_s = 2;
  GatewayBench b(s);
  for (int i = 1; i <= 3; ++i) b.serve(b.arrive());
  b.commands();
  b.arrive();
  b.arrive();
  EXPECT_THAT(b.commands(), IsEmpty());
  b.pass(milliseconds(499));
  EXPECT_THAT(b.commands(), IsEmpty());
  b.pass(milliseconds(2));
  EXPECT_THAT(b.commands(), ElementsAre("send 4 whole 0"));
  b.pass(milliseconds(500));
  EXPECT_THAT(b.commands(), ElementsAre("send 5 whole 0"));
}

TEST(Gateway, AQueueThatNobodyCanServeIsEmptiedOneByOne) {
  GatewaySettings s = gateway_settings(1);
  s.admission.concurrent_max = 1;
  s.admission.queue_max = 100'000;
  GatewayBench b(s);
  for (int i = 0; i < 100'000; ++i) b.arrive();
  b.gateway->remove_worker({0}, b.now);
  b.commands();
  b.serve(1);  // and each of the others finds no worker: no depth of calls may come of it
  EXPECT_EQ(b.commands().size(), 2U + 99'999U);
  EXPECT_TRUE(b.is_idle());
}

// ---- Workers

TEST(Gateway, WithoutWorkersThereIsNoAnswer) {
  GatewayBench b(gateway_settings(0));
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("refuse 1 503 no_available_workers"));
  EXPECT_EQ(b.gateway->counters().refused_no_worker, 1U);
}

TEST(Gateway, WorkersComeAndGoUnderLoad) {
  GatewayBench b(gateway_settings(1));
  b.arrive();
  const WorkerId second = b.gateway->add_worker(test::upstream(1), b.now);
  b.gateway->remove_worker({0}, b.now);
  b.arrive();
  b.serve(1);  // what a removed worker has goes on
  b.serve(2);
  EXPECT_THAT(b.commands(),
              ElementsAre("send 1 whole 0", "send 2 whole 1", "relay 1 whole", "finished 1", "relay 2 whole", "finished 2"));
  b.gateway->remove_worker(second, b.now);
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("refuse 3 503 no_available_workers"));
}

TEST(Gateway, UnhealthyWorkersGetNothing) {
  GatewaySettings s = gateway_settings(2);
  s.health = {.interval = seconds(5)};
  GatewayBench b(s);
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("refuse 1 503 no_available_workers"));  // none has been heard of
  b.sick.insert(1);
  b.pass(seconds(1));
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 1);
  for (int i = 0; i < 3; ++i) b.serve(b.arrive());
  for (const std::string& line : b.commands()) EXPECT_EQ(line.find(" whole 1"), std::string::npos) << line;
  b.sick = {0};
  b.pass(seconds(12));
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 5 whole 1"));
  b.sick.clear();
  b.pass(seconds(12));
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 2);
}

TEST(Gateway, ABrokenWorkerIsLeftOutAndTriedAgainByOneRequest) {
  GatewaySettings s = gateway_settings(2);
  s.breaker = {.failures_to_open = 2, .successes_to_close = 1, .open_for = seconds(60)};
  GatewayBench b(s);
  for (int i = 0; i < 2; ++i) {  // worker 0 fails, worker 1 helps out
    const CallId call = b.arrive();
    b.gateway->broke(call, Part::whole, b.now);
    b.pass(milliseconds(50));
    b.serve(call);
  }
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 1);
  b.commands();
  for (int i = 0; i < 2; ++i) b.serve(b.arrive());
  EXPECT_THAT(b.commands(),
              ElementsAre("send 3 whole 1", "relay 3 whole", "finished 3", "send 4 whole 1", "relay 4 whole", "finished 4"));
  b.pass(seconds(60));
  for (int i = 0; i < 3; ++i) b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 5 whole 0", "send 6 whole 1", "send 7 whole 1"));  // one probe
  b.serve(6);
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 1);
  b.serve(5);
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 2);
  b.serve(7);
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, AStreamThatHasBegunKeepsNoOtherFromAWorkerThatWasBroken) {
  GatewaySettings s = gateway_settings(1);
  s.breaker = {.failures_to_open = 1, .successes_to_close = 2, .open_for = seconds(60)};
  s.retry.attempts_max = 1;
  GatewayBench b(s);
  b.gateway->broke(b.arrive(), Part::whole, b.now);
  b.pass(seconds(60));
  b.commands();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 1);
    const CallId probe = b.arrive();
    EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 0);
    b.gateway->answered(probe, Part::whole, 200, b.now);
    EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 0) << "a head is soon said";
    b.gateway->first_bytes(probe, Part::whole, b.now);
  }
  for (int i = 0; i < 3; ++i) {
    b.arrive();
    EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 1);
  }
  for (CallId call = 2; call <= 3; ++call) b.gateway->ended(call, Part::whole, b.now);
  for (CallId call = 4; call <= 6; ++call) b.serve(call);
  EXPECT_TRUE(b.is_idle());
}

TEST(Gateway, AWorkerThatAlwaysAnswersWithAnErrorOpensItsBreakerEvenWithoutRetries) {
  GatewaySettings s = gateway_settings(1);
  s.breaker.failures_to_open = 3;
  s.retry.attempts_max = 1;
  GatewayBench b(s);
  for (int i = 0; i < 3; ++i) b.serve(b.arrive(), Part::whole, 500);
  EXPECT_EQ(b.gateway->usable_workers(Role::aggregated), 0);
}

class ColdPrompts : public ::testing::TestWithParam<std::pair<const char*, bool>> {};

TEST_P(ColdPrompts, AtEqualLoadAreSpreadAndLaterTurnsStay) {
  const cost::StepTime speed({.step = 1000, .token = 200});
  GatewaySettings s = gateway_settings(4);
  s.policy = GetParam().first;
  for (UpstreamSettings& worker : s.workers) worker.speed = GetParam().second ? &speed : nullptr;
  GatewayBench b(s);
  std::map<std::string, int> count;
  for (std::uint64_t i = 0; i < 200; ++i) {
    b.serve(b.arrive(prompt_info(100 + i)));
    ++count[b.commands().front().substr(std::string("send ").size() + std::to_string(i + 1).size())];
  }
  EXPECT_THAT(count, ElementsAre(::testing::Pair(" whole 0", 50), ::testing::Pair(" whole 1", 50),
                                 ::testing::Pair(" whole 2", 50), ::testing::Pair(" whole 3", 50)));
  for (const int worker : {0, 1, 2, 3}) {  // turns after the first of each
    b.serve(b.arrive(prompt_info(100 + static_cast<std::uint64_t>(worker))));
    EXPECT_THAT(b.commands().front(), ::testing::EndsWith(" whole " + std::to_string(worker)));
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, ColdPrompts,
                         ::testing::Values(std::pair("cache_aware", false), std::pair("min_ttft", false),
                                           std::pair("min_ttft", true)),
                         [](const auto& p) { return std::string(p.param.first) + (p.param.second ? "_seconds" : ""); });

// ---- Pairs of a prefill and a decode worker

TEST(GatewayPairs, BothGetTheRequestAndTheDecodeWorkersAnswerIsRelayed) {
  GatewayBench b(pair_settings(2, 2));
  b.arrive();
  EXPECT_THAT(b.commands(), ElementsAre("send 1 prefill 0", "send 1 decode 2"));
  b.serve(1, Part::prefill);
  EXPECT_THAT(b.commands(), IsEmpty());
  b.serve(1, Part::decode);
  EXPECT_THAT(b.commands(), ElementsAre("relay 1 decode", "finished 1"));
  EXPECT_TRUE(b.is_idle());
}

TEST(GatewayPairs, AnEarlyHeadOfTheDecodeWorkerWaitsForThePrompt) {
  GatewayBench b(pair_settings(1, 1));
  b.arrive();
  b.gateway->answered(1, Part::decode, 200, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("send 1 prefill 0", "send 1 decode 1"));
  b.gateway->answered(1, Part::prefill, 200, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("relay 1 decode"));
  b.gateway->first_bytes(1, Part::decode, b.now);
  b.gateway->ended(1, Part::decode, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("drop 1 prefill", "finished 1"));
  EXPECT_TRUE(b.is_idle());
  // Or for a token, which cannot come without the prompt.
  b.arrive();
  b.gateway->answered(2, Part::decode, 200, b.now);
  b.commands();
  b.gateway->first_bytes(2, Part::decode, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("relay 2 decode"));
  b.gateway->ended(2, Part::decode, b.now);
  EXPECT_TRUE(b.is_idle());
}

TEST(GatewayPairs, WhoeverRefusesFirstIsHeard) {
  for (const Part part : {Part::prefill, Part::decode}) {
    GatewayBench b(pair_settings(2, 2));
    b.arrive();
    b.commands();
    b.gateway->answered(1, part, 400, b.now);
    const std::string other = part == Part::prefill ? "decode" : "prefill";
    EXPECT_THAT(b.commands(), ElementsAre("drop 1 " + other, "relay 1 " + test::part_name(part)));
    b.gateway->ended(1, part, b.now);
    EXPECT_THAT(b.commands(), ElementsAre("finished 1"));
    EXPECT_TRUE(b.is_idle());
  }
}

TEST(GatewayPairs, AFailureOfEitherIsRepeatedWithAnotherPair) {
  for (const Part part : {Part::prefill, Part::decode}) {
    for (const int status : {0, 500}) {
      GatewayBench b(pair_settings(2, 2));
      b.arrive();
      b.commands();
      status == 0 ? b.gateway->broke(1, part, b.now) : b.gateway->answered(1, part, status, b.now);
      b.pass(milliseconds(50));
      const auto lines = b.commands();
      EXPECT_EQ(lines.size(), 4U);
      EXPECT_THAT(lines, ::testing::IsSupersetOf({"drop 1 prefill", "drop 1 decode"}));
      const bool prefill = part == Part::prefill;
      EXPECT_THAT(lines, ::testing::Contains(prefill ? "send 1 prefill 1" : "send 1 decode 3"));
      b.serve(1, Part::prefill);
      b.serve(1, Part::decode);
      EXPECT_THAT(b.commands(), ElementsAre("relay 1 decode", "finished 1"));
      EXPECT_TRUE(b.is_idle());
    }
  }
}

TEST(GatewayPairs, TheHalfThatDidNotFailMayBeUsedAgain) {
  GatewayBench b(pair_settings(2, 1));
  b.arrive();
  b.gateway->broke(1, Part::prefill, b.now);
  b.pass(milliseconds(50));
  EXPECT_THAT(b.commands(), ElementsAre("send 1 prefill 0", "send 1 decode 2", "drop 1 prefill", "drop 1 decode",
                                        "send 1 prefill 1", "send 1 decode 2"));
}

TEST(GatewayPairs, EachAttemptHasARoomOfItsOwn) {
  GatewayBench b(pair_settings(2, 1));
  b.arrive();
  b.gateway->broke(1, Part::prefill, b.now);
  b.now = b.now + seconds(1);
  b.gateway->advance(b.now);
  std::vector<GatewayCommand> commands;
  b.gateway->take_commands(commands);
  std::vector<std::uint64_t> rooms;
  for (const GatewayCommand& each : commands) {
    if (each.what == GatewayCommand::What::send) rooms.push_back(each.room);
  }
  ASSERT_EQ(rooms.size(), 4U);
  EXPECT_EQ(rooms[0], rooms[1]);
  EXPECT_EQ(rooms[2], rooms[3]);
  EXPECT_NE(rooms[0], rooms[2]);
  EXPECT_LT(rooms[0], std::uint64_t{1} << 63U);
}

TEST(GatewayPairs, APrefillWorkerThatBreaksLateDoesNotEndTheAnswer) {
  for (const bool refuses : {false, true}) {
    GatewayBench b(pair_settings(1, 1));
    b.arrive();
    b.gateway->answered(1, Part::decode, 200, b.now);
    b.gateway->first_bytes(1, Part::decode, b.now);
    if (refuses) b.gateway->answered(1, Part::prefill, 500, b.now);
    b.gateway->broke(1, Part::prefill, b.now);
    b.gateway->ended(1, Part::decode, b.now);
    EXPECT_THAT(b.commands(), ElementsAre("send 1 prefill 0", "send 1 decode 1", "relay 1 decode", "finished 1"));
    EXPECT_TRUE(b.is_idle());
    EXPECT_EQ(b.gateway->workers()[0].breaker.failures(), 1);
  }
}

TEST(GatewayPairs, ADecodeWorkerThatBreaksLateCutsTheAnswer) {
  GatewayBench b(pair_settings(1, 1));
  b.arrive();
  b.serve(1, Part::prefill);
  b.gateway->answered(1, Part::decode, 200, b.now);
  b.commands();
  b.gateway->broke(1, Part::decode, b.now);
  EXPECT_THAT(b.commands(), ElementsAre("drop 1 decode", "cut 1"));
  EXPECT_TRUE(b.is_idle());
}

TEST(GatewayPairs, AClientThatLeavesFreesBoth) {
  GatewayBench b(pair_settings(1, 1));
  b.arrive();
  b.commands();
  b.gateway->left(1, b.now);
  EXPECT_THAT(b.commands(), UnorderedElementsAre("drop 1 prefill", "drop 1 decode", "finished 1"));
  EXPECT_TRUE(b.is_idle());
}

TEST(GatewayPairs, BothKindsOfWorkersAreNeeded) {
  for (const int prefill : {0, 1}) {
    GatewayBench b(pair_settings(prefill, 1 - prefill));
    b.arrive();
    EXPECT_THAT(b.commands(), ElementsAre("refuse 1 503 no_available_workers"));
  }
}

}  // namespace
}  // namespace infbench::live
