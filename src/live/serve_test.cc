// The server over real sockets: what the state machines' tests cannot say.
#include "live/serve.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "live/serve_for_test.h"
#include "live/serve_log.h"
#include "net/event_loop.h"

namespace infbench::live {
namespace {

using test::get;
using test::post;
using test::prompt_of;

// A blocking connection; a server that never answers fails the read after a minute.
class Socket {
 public:
  explicit Socket(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    const timeval patience{.tv_sec = 60, .tv_usec = 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() { close(); }

  bool connected() const { return connected_; }
  void send(std::string_view bytes) {
    EXPECT_EQ(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  }
  // Up to and with `end`, or all that came before the other side closed.
  std::string read_to(std::string_view end) {
    std::string out;
    char byte = 0;
    while (!out.ends_with(end) && ::recv(fd_, &byte, 1, 0) == 1) out += byte;
    return out;
  }
  std::string read_all() {
    std::string out;
    std::array<char, 4096> buffer{};
    for (ssize_t n = 0; (n = ::recv(fd_, buffer.data(), buffer.size(), 0)) > 0;)
      out.append(buffer.data(), static_cast<std::size_t>(n));
    return out;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
  bool connected_ = false;
};

ServeSettings live_settings(Role role = Role::aggregated, double scale = 1) {
  ServeSettings s = test::settings(role);
  s.clock = {.start = net::steady_now(), .scale = scale, .instant = false};
  s.start_epoch_ns = net::to_epoch_ns(s.clock.start);
  return s;
}

std::unique_ptr<Server> start(std::vector<ServeSettings> workers, const std::string& log = {}, int threads = 2) {
  auto server = Server::start({.workers = std::move(workers), .threads = threads, .truth_log = log, .on_ended = {}});
  EXPECT_TRUE(server.has_value()) << format_errors(server.error());
  return *std::move(server);
}

std::string completion(int tokens, const std::string& more = {}) {
  return post("/v1/completions", R"({"prompt":")" + prompt_of(40) + R"(","max_tokens":)" + std::to_string(tokens) + more + "}");
}

std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Server, ServesOnEveryPort) {
  const auto server = start({live_settings(), live_settings(), live_settings()});
  ASSERT_EQ(server->ports().size(), 3U);
  for (const ServePorts& ports : server->ports()) {
    Socket client(ports.port);
    client.send(get("/health"));
    EXPECT_EQ(client.read_to("\r\n"), "HTTP/1.1 200 OK\r\n");
    client.read_to("\r\n\r\n");
    client.send(completion(3, R"(,"stream":true)"));  // the same connection
    const std::string answer = client.read_to("\r\n0\r\n\r\n");
    EXPECT_NE(answer.find("data: [DONE]"), std::string::npos) << answer;
  }
}

TEST(Server, DrainsToTheLastTokenAndKeepsTheTruth) {
  const std::string log = ::testing::TempDir() + "/serve_test_truth.jsonl";
  const auto server = start({live_settings(), live_settings()}, log);
  Socket busy(server->ports()[0].port);
  busy.send(completion(100, R"(,"stream":true)"));
  busy.read_to("data: ");
  Socket other(server->ports()[1].port);
  other.send(completion(20));
  other.read_to("\r\n");
  server->drain();
  const std::string rest = busy.read_all();  // to the end of the connection
  EXPECT_TRUE(rest.ends_with("data: [DONE]\n\n\r\n0\r\n\r\n")) << rest;
  server->wait();
  EXPECT_FALSE(Socket(server->ports()[0].port).connected());
  EXPECT_FALSE(server->log_failed());

  const auto check = check_log(content(log));
  ASSERT_TRUE(check.has_value()) << format_errors(check.error());
  EXPECT_EQ(check->differences, std::vector<std::string>{});
  EXPECT_EQ(check->tokens, 120U);
}

TEST(Server, AClientThatLeavesIsCancelled) {
  const std::string log = ::testing::TempDir() + "/serve_test_cancel.jsonl";
  const auto server = start({live_settings()}, log);
  Socket leaves(server->ports()[0].port);
  leaves.send(completion(5000, R"(,"stream":true)"));
  leaves.read_to("data: ");
  leaves.close();
  server->drain();
  server->wait();  // would take 5 s more if nobody had noticed; and says so:
  EXPECT_NE(content(log).find("\"outcome\":\"cancelled\""), std::string::npos);
}

TEST(Server, APairHandsOverOverItsBootstrapPort) {
  const std::string log = ::testing::TempDir() + "/serve_test_pair.jsonl";
  ServeSettings decode_settings = live_settings(Role::decode);
  decode_settings.index = 1;
  const auto server = start({live_settings(Role::prefill), decode_settings}, log);
  const ServePorts prefill = server->ports()[0];
  ASSERT_GT(prefill.bootstrap_port, 0);
  for (int room = 1; room <= 5; ++room) {
    const std::string request =
        completion(5, R"(,"stream":true,"bootstrap_host":"127.0.0.1","bootstrap_port":)" +
                          std::to_string(prefill.bootstrap_port) + R"(,"bootstrap_room":)" + std::to_string(room));
    Socket first(prefill.port);
    Socket second(server->ports()[1].port);
    first.send(request);
    second.send(request);
    EXPECT_NE(second.read_to("\r\n0\r\n\r\n").find("data: [DONE]"), std::string::npos);
    EXPECT_NE(first.read_to("\r\n0\r\n\r\n").find("data: [DONE]"), std::string::npos);
  }
  server->drain();
  server->wait();
  const auto check = check_log(content(log));
  ASSERT_TRUE(check.has_value()) << format_errors(check.error());
  EXPECT_EQ(check->differences, std::vector<std::string>{});
  EXPECT_EQ(check->inputs, 5U * 5U);  // submit, room_ready, kv_sent; submit, kv_arrived
}

TEST(Server, ADeadPrefillWorkerIsAnError) {
  const auto server = start({live_settings(Role::decode)});
  int closed_port = 0;
  {
    const auto gone = start({live_settings(Role::prefill)});
    closed_port = gone->ports()[0].bootstrap_port;
  }
  Socket client(server->ports()[0].port);
  client.send(
      completion(5, R"(,"bootstrap_host":"127.0.0.1","bootstrap_room":1,"bootstrap_port":)" + std::to_string(closed_port)));
  EXPECT_EQ(client.read_to("\r\n"), "HTTP/1.1 502 Bad Gateway\r\n");
}

TEST(Server, TellsWhatItCannotOpen) {
  const auto server = start({live_settings()});
  ServeSettings taken = live_settings();
  taken.port = server->ports()[0].port;
  const auto second = Server::start({.workers = {taken, taken}, .threads = 1, .truth_log = {}, .on_ended = {}});
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().size(), 2U);
  EXPECT_NE(second.error().front().what.find(std::to_string(taken.port)), std::string::npos) << second.error().front().what;
  const auto no_log = Server::start({.workers = {live_settings()}, .threads = 1, .truth_log = "/nowhere/x", .on_ended = {}});
  ASSERT_FALSE(no_log.has_value());
}

TEST(Server, BadRequestsCloseTheConnectionAfterTheAnswer) {
  const auto server = start({live_settings()});
  Socket client(server->ports()[0].port);
  client.send("what?\r\n\r\n");
  EXPECT_TRUE(client.read_all().starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

}  // namespace
}  // namespace infbench::live
