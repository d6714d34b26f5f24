#include "net/tcp.h"

#include <array>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "net/loop_for_test.h"

namespace infbench::net {
namespace {

using ::testing::HasSubstr;
using ConnectionPtr = std::unique_ptr<Connection>;

// A loop with two connections that are each other's ends.
struct Pair {
  EventLoop loop;
  ConnectionPtr client;
  ConnectionPtr server;

  Pair() {
    const auto both = [&] {
      if (client && server) loop.stop();
    };
    auto listener = Listener::open(loop, "127.0.0.1", 0, [&](ConnectionPtr accepted) {
      server = std::move(accepted);
      both();
    });
    EXPECT_TRUE(listener);
    connect(loop, "127.0.0.1", (*listener)->port(), seconds(10), [&](Result<ConnectionPtr> connected) {
      ASSERT_TRUE(connected);
      client = std::move(*connected);
      both();
    });
    run_until_stopped(loop);
  }

  // Runs the loop until everything posted and all news of the sockets so far were handled.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      loop.post([&] { loop.post([&] { loop.stop(); }); });
      run_until_stopped(loop);
    }
  }
};

std::string some_bytes(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::string bytes(count, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.next());
  return bytes;
}

// Sends `bytes` in random pieces, gathered in random groups, some when the one before has been taken by the kernel.
class Sender {
 public:
  Sender(Connection& connection, const std::string& bytes, std::uint64_t seed)
      : connection_(connection), rest_(bytes), random_(seed) {}

  void go_on() {
    while (!rest_.empty() && connection_.unsent() < (std::size_t{1} << 20U)) {
      std::vector<std::string_view> parts(random_.below(3000));
      for (auto& part : parts) {
        part = rest_.substr(0, random_.below(200));
        rest_.remove_prefix(part.size());
      }
      connection_.send(parts);
    }
  }
  bool done() const { return rest_.empty(); }

 private:
  Connection& connection_;
  std::string_view rest_;
  Random random_;
};

TEST(Tcp, TenMegabytesBothWaysThroughASlowEcho) {
  Pair pair;
  const std::string sent = some_bytes(10'000'000, 1);
  std::string echoed;
  Sender sender(*pair.client, sent, 2);
  int pauses = 0;
  Timer resume(pair.loop, [&] { pair.server->resume_reading(); });
  pair.server->set_events({.on_bytes =
                               [&](std::string_view bytes, Time) {
                                 pair.server->send(bytes);
                                 if (pair.server->unsent() > 0 || pauses % 8 == 0) {
                                   pair.server->pause_reading();
                                   resume.arm(steady_now() + microseconds(200));
                                 }
                                 ++pauses;
                               },
                           .on_drained = {},
                           .on_closed = [&](const std::string& reason) { ADD_FAILURE() << reason; }});
  pair.client->set_events({.on_bytes =
                               [&](std::string_view bytes, Time received) {
                                 EXPECT_LE(received, steady_now());
                                 EXPECT_GT(received, steady_now() - seconds(30));
                                 echoed += bytes;
                                 sender.go_on();
                                 if (echoed.size() >= sent.size()) pair.loop.stop();
                               },
                           .on_drained = [&] { sender.go_on(); },
                           .on_closed = [&](const std::string& reason) { ADD_FAILURE() << reason; }});
  sender.go_on();
  EXPECT_GT(pair.client->unsent(), 0U);
  run_until_stopped(pair.loop);
  EXPECT_TRUE(sender.done());
  EXPECT_TRUE(echoed == sent);
  EXPECT_EQ(pair.client->unsent(), 0U);
}

TEST(Tcp, DrainedIsToldOnlyAfterAFullKernel) {
  Pair pair;
  int drained = 0;
  pair.client->set_events({.on_bytes = {}, .on_drained = [&] { ++drained; }, .on_closed = {}});
  pair.client->send("small");
  pair.settle();
  EXPECT_EQ(drained, 0);
  pair.client->send(std::string(20'000'000, 'x'));
  EXPECT_GT(pair.client->unsent(), 0U);
  pair.settle();
  EXPECT_EQ(drained, 0);
  std::size_t received = 0;
  pair.server->set_events({.on_bytes =
                               [&](std::string_view bytes, Time) {
                                 received += bytes.size();
                                 if (received == 20'000'005) pair.loop.stop();
                               },
                           .on_drained = {},
                           .on_closed = {}});
  run_until_stopped(pair.loop);
  pair.settle();
  EXPECT_EQ(drained, 1);
}

TEST(Tcp, HalfCloseAfterWhatIsUnsentThenTheAnswerThenTheEnd) {
  Pair pair;
  std::string at_server;
  std::string at_client;
  const std::string question(5'000'000, 'q');
  pair.client->set_events({.on_bytes = [&](std::string_view bytes, Time) { at_client += bytes; },
                           .on_drained = {},
                           .on_closed =
                               [&](const std::string& reason) {
                                 EXPECT_EQ(reason, "");
                                 pair.loop.stop();
                               }});
  pair.server->set_events({.on_bytes =
                               [&](std::string_view bytes, Time) {
                                 at_server += bytes;
                                 if (at_server.size() == question.size()) pair.server->send(std::string(5'000'000, 'a'));
                               },
                           .on_drained = {},
                           .on_closed = [&](const std::string& reason) { EXPECT_EQ(reason, ""); }});
  pair.client->send(question);
  pair.client->shut_when_sent();
  pair.client->send("ignored: the writing side is shut");
  // What the server had not sent when the client shut its side still goes out, and then the connection ends.
  run_until_stopped(pair.loop);
  EXPECT_EQ(at_server.size(), question.size());
  EXPECT_EQ(at_client, std::string(5'000'000, 'a'));
}

TEST(Tcp, AConnectionMayGoInsideEachOfItsCallbacks) {
  {
    Pair pair;
    auto kept_alive = std::make_shared<int>(7);
    pair.client->set_events({.on_bytes =
                                 [&, kept_alive](std::string_view bytes, Time) {
                                   pair.client.reset();
                                   EXPECT_EQ(bytes, "x");
                                   EXPECT_EQ(*kept_alive, 7);
                                 },
                             .on_drained = {},
                             .on_closed = [](const std::string&) { ADD_FAILURE() << "after its end"; }});
    pair.server->set_events({.on_bytes = {}, .on_drained = {}, .on_closed = [&](const std::string& reason) {
                               const std::string copy = reason;
                               pair.server.reset();
                               EXPECT_EQ(reason, copy);
                               pair.loop.stop();
                             }});
    pair.server->send("x");
    run_until_stopped(pair.loop);
    EXPECT_EQ(kept_alive.use_count(), 1);
  }
  {
    Pair pair;
    pair.client->set_events({.on_bytes = {},
                             .on_drained =
                                 [&] {
                                   pair.client.reset();
                                   pair.loop.stop();
                                 },
                             .on_closed = {}});
    pair.client->send(std::string(20'000'000, 'x'));
    pair.server->set_events({});
    run_until_stopped(pair.loop);
    EXPECT_EQ(pair.client, nullptr);
  }
}

TEST(Tcp, NewEventsFromInsideACallbackTakeTheNextBytes) {
  Pair pair;
  std::string heard;
  pair.client->set_events({.on_bytes =
                               [&](std::string_view, Time) {
                                 heard += "first ";
                                 pair.client->set_events({.on_bytes =
                                                              [&](std::string_view, Time) {
                                                                heard += "second";
                                                                pair.loop.stop();
                                                              },
                                                          .on_drained = {},
                                                          .on_closed = {}});
                                 pair.server->send("b");
                               },
                           .on_drained = {},
                           .on_closed = {}});
  pair.server->send("a");
  run_until_stopped(pair.loop);
  EXPECT_EQ(heard, "first second");
}

TEST(Tcp, BytesThatCameBeforeTheEventsWereSetAreNotLost) {
  Pair pair;
  pair.server->send("early");
  pair.settle();
  std::string heard;
  pair.client->set_events({.on_bytes =
                               [&](std::string_view bytes, Time) {
                                 heard += bytes;
                                 pair.client->pause_reading();
                                 pair.client->resume_reading();
                                 pair.loop.stop();
                               },
                           .on_drained = {},
                           .on_closed = {}});
  EXPECT_EQ(heard, "");
  run_until_stopped(pair.loop);
  EXPECT_EQ(heard, "early");
}

TEST(Tcp, APeerThatResetsIsABrokenConnection) {
  Pair pair;
  std::string why = "not yet";
  pair.server->send(std::string(1000, 'x'));  // not read by the client: closing resets
  pair.server->set_events({.on_bytes = {}, .on_drained = {}, .on_closed = [&](const std::string& reason) {
                             why = reason;
                             pair.loop.stop();
                           }});
  pair.settle();
  pair.client.reset();
  run_until_stopped(pair.loop);
  EXPECT_THAT(why, HasSubstr("reset"));
  pair.server->send("ignored");  // and no SIGPIPE
  EXPECT_EQ(pair.server->unsent(), 0U);
  EXPECT_THAT(pair.server->peer(), HasSubstr("127.0.0.1:"));
}

TEST(Tcp, WritingToAPeerThatHasGoneEndsByReading) {
  Pair pair;
  int closed = 0;
  pair.settle();
  pair.client.reset();
  // Its events are not set yet, so the end is not read: the writes run into it.
  for (int i = 0; i < 50; ++i) {
    pair.server->send("into the void");
    pair.settle();
  }
  pair.server->set_events({.on_bytes = {}, .on_drained = {}, .on_closed = [&](const std::string& reason) {
                             EXPECT_NE(reason, "");
                             ++closed;
                             pair.loop.stop();
                           }});
  run_until_stopped(pair.loop);
  EXPECT_EQ(closed, 1);
}

TEST(Tcp, APortIsGivenOnce) {
  EventLoop loop;
  auto first = Listener::open(loop, "127.0.0.1", 0, [](ConnectionPtr) {});
  ASSERT_TRUE(first);
  EXPECT_GT((*first)->port(), 0);
  const auto second = Listener::open(loop, "127.0.0.1", (*first)->port(), [](ConnectionPtr) {});
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().front().what, HasSubstr("cannot listen on 127.0.0.1:" + std::to_string((*first)->port())));
  EXPECT_THAT(second.error().front().what, HasSubstr("Address already in use"));
  const int port = (*first)->port();
  first->reset();
  EXPECT_TRUE(Listener::open(loop, "127.0.0.1", port, [](ConnectionPtr) {}));
  EXPECT_FALSE(Listener::open(loop, "192.0.2.1", 0, [](ConnectionPtr) {}));
  EXPECT_FALSE(Listener::open(loop, "127.0.0.1", 65536, [](ConnectionPtr) {}));
  EXPECT_FALSE(Listener::open(loop, "no such host", 0, [](ConnectionPtr) {}));
}

std::string failure_of(const std::string& host, int port, Duration timeout) {
  EventLoop loop;
  std::string what = "never called";
  bool returned = false;
  connect(loop, host, port, timeout, [&](Result<ConnectionPtr> connected) {
    EXPECT_TRUE(returned);
    what = connected ? "connected" : connected.error().front().what;
    loop.stop();
  });
  returned = true;
  run_until_stopped(loop);
  return what;
}

int unused_port() {
  EventLoop loop;
  const auto listener = Listener::open(loop, "127.0.0.1", 0, [](ConnectionPtr) {});
  return (*listener)->port();
}

TEST(Tcp, SaysWhyItCannotConnect) {
  const int port = unused_port();
  EXPECT_EQ(failure_of("127.0.0.1", port, seconds(10)),
            "cannot connect to 127.0.0.1:" + std::to_string(port) + ": Connection refused");
  EXPECT_THAT(failure_of("localhost", port, seconds(10)), HasSubstr("refused"));
  EXPECT_THAT(failure_of("127.0.0.1", 0, seconds(10)), HasSubstr("expected a port"));
  EXPECT_THAT(failure_of("127.0.0.1", 70000, seconds(10)), HasSubstr("expected a port"));
  EXPECT_THAT(failure_of("no such host", 80, seconds(60)), HasSubstr("'no such host'"));
}

TEST(Tcp, GivesUpOnAServerThatDoesNotAnswer) {
  // A full queue of a listener that never accepts: further connections are not answered.
  const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(silent, any, size), 0);
  ASSERT_EQ(::listen(silent, 0), 0);
  ASSERT_EQ(::getsockname(silent, any, &size), 0);
  EventLoop loop;
  std::vector<ConnectionPtr> queued;
  std::string what;
  for (int i = 0; i < 8; ++i) {
    connect(loop, "127.0.0.1", ntohs(address.sin_port), milliseconds(50), [&](Result<ConnectionPtr> connected) {
      if (connected) return queued.push_back(std::move(*connected));
      what = connected.error().front().what;
      loop.stop();
    });
  }
  run_until_stopped(loop);
  EXPECT_THAT(what, HasSubstr("no answer within 0.05 s"));
  queued.clear();
  ::close(silent);
}

TEST(Tcp, ALoopMayEndWhileItConnects) {
  EventLoop loop;
  connect(loop, "localhost", 1, seconds(60), [](Result<ConnectionPtr>) {});
  connect(loop, "127.0.0.1", 1, seconds(60), [](Result<ConnectionPtr>) {});
}

// With no file left, connections wait in the kernel's queue until one is closed.
TEST(Tcp, AcceptingGoesOnWhenFilesAreFreeAgain) {
  EventLoop loop;
  std::deque<ConnectionPtr> accepted;
  int count = 0;
  auto listener = Listener::open(loop, "127.0.0.1", 0, [&](ConnectionPtr connection) {
    accepted.push_back(std::move(connection));
    if (++count == 10) loop.stop();
  });
  ASSERT_TRUE(listener);
  // Clients' sockets first, then a limit that leaves room for 3 more files.
  std::vector<int> clients;
  for (int i = 0; i < 10; ++i) clients.push_back(::socket(AF_INET, SOCK_STREAM, 0));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(clients.back()) + 4;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &tight), 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>((*listener)->port()));
  for (const int client : clients) EXPECT_EQ(::connect(client, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  int closed = 0;
  Timer close_one(loop, [&] {
    if (!accepted.empty()) {
      accepted.pop_front();
      ++closed;
    }
    close_one.arm(steady_now() + milliseconds(1));
  });
  close_one.arm(steady_now() + milliseconds(1));
  run_until_stopped(loop);
  ::setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(count, 10);
  EXPECT_GE(closed, 6);
  for (const int client : clients) ::close(client);
}

}  // namespace
}  // namespace infbench::net
