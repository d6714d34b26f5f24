#include "net/zmq_socket.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "net/loop_for_test.h"

namespace infbench::net {
namespace {

using ::testing::HasSubstr;

TEST(ZmqSocket, MessagesComeInOrderWithTheirNumbers) {
  EventLoop loop;
  const auto first = ZmqPublisher::bind("tcp://127.0.0.1:0", "kv-events");
  const auto second = ZmqPublisher::bind("tcp://127.0.0.1:*", "kv-events");
  ASSERT_TRUE(first && second);
  EXPECT_THAT((*first)->endpoint(), HasSubstr("tcp://127.0.0.1:"));
  EXPECT_NE((*first)->endpoint(), (*second)->endpoint());
  std::vector<std::uint64_t> numbers[2];
  const auto subscriber = ZmqSubscriber::connect(loop, {(*first)->endpoint(), (*second)->endpoint()}, "kv",
                                                 [&](std::size_t from, std::uint64_t number, std::string_view payload) {
                                                   EXPECT_EQ(payload, from == 0 ? "a" : "b");
                                                   numbers[from].push_back(number);
                                                   if (numbers[0].size() >= 20 && numbers[1].size() >= 20) loop.stop();
                                                 });
  ASSERT_TRUE(subscriber);
  // Who subscribes does not get what was sent before; how soon it does is not known.
  std::function<void()> repeat;
  Timer tick(loop, [&] {
    (*first)->publish("a");
    (*second)->publish("b");
    repeat();
  });
  repeat = [&] { tick.arm(steady_now() + milliseconds(1)); };
  repeat();
  run_until_stopped(loop);
  for (const auto& of : numbers) {
    for (std::size_t i = 1; i < of.size(); ++i) EXPECT_EQ(of[i], of[i - 1] + 1);
  }
}

TEST(ZmqSocket, WhatCannotBeIsAnError) {
  EventLoop loop;
  const auto taken = ZmqPublisher::bind("tcp://127.0.0.1:0", "");
  ASSERT_TRUE(taken);
  for (const std::string& endpoint : {(*taken)->endpoint(), std::string("tcp://nowhere"), std::string("x")}) {
    const auto publisher = ZmqPublisher::bind(endpoint, "");
    ASSERT_FALSE(publisher) << endpoint;
    EXPECT_THAT(publisher.error().front().what, HasSubstr(endpoint));
  }
  const auto wrong = ZmqSubscriber::connect(loop, {"x", "tcp://127.0.0.1:1", "y"}, "", [](auto, auto, auto) {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().size(), 2U) << "all of them are told";
}

}  // namespace
}  // namespace infbench::net
