// For tests of the gateway over sockets: the gateway on a thread of its own, and a client that sends bytes as they are. For
// tests only.
#pragma once

#include <atomic>
#include <cerrno>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "live/gateway_for_test.h"
#include "live/gateway_shell.h"

namespace infbench::live::test {

// Whether it comes true before a test would be given up.
inline bool eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 20'000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

inline UpstreamSettings local_worker(int port, Role role = Role::aggregated) {
  UpstreamSettings worker;
  worker.target.host = "127.0.0.1";
  worker.target.port = port;
  worker.target.url = "http://127.0.0.1:" + std::to_string(port);
  worker.role = role;
  return worker;
}

class LiveGateway {
 public:
  explicit LiveGateway(GatewaySettings settings) {
    settings.port = 0;
    auto gateway = Gateway::make(settings, net::steady_now());
    INFBENCH_CHECK(gateway.has_value());
    shell_ = std::make_unique<GatewayShell>(loop_, settings, *std::move(gateway), [this] { drained_ = true; });
    INFBENCH_CHECK(shell_->open().has_value());
    port_ = shell_->port();
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~LiveGateway() {
    loop_.stop();
    thread_.join();
    shell_.reset();
  }
  LiveGateway(const LiveGateway&) = delete;
  LiveGateway& operator=(const LiveGateway&) = delete;

  int port() const { return port_; }
  void drain() {
    loop_.post([this] { shell_->drain(); });
  }
  bool drained() const { return drained_; }
  // Asks the gateway on its thread.
  std::size_t calls() {
    std::atomic<std::ptrdiff_t> calls = -1;
    loop_.post([&] { calls = static_cast<std::ptrdiff_t>(shell_->gateway().calls()); });
    EXPECT_TRUE(eventually([&] { return calls >= 0; }));
    return static_cast<std::size_t>(calls.load());
  }

 private:
  net::EventLoop loop_;
  std::unique_ptr<GatewayShell> shell_;
  std::atomic<bool> drained_ = false;
  int port_ = 0;
  std::thread thread_;
};

class RawClient {
 public:
  explicit RawClient(int port, int patience_s = 120) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{.tv_sec = patience_s, .tv_usec = 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawClient() { close(); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  bool connected() const { return connected_; }
  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  void shut() { ::shutdown(socket_, SHUT_WR); }  // it sends nothing more
  bool stuck() const { return stuck_; }          // nothing came for so long that it gave up
  // False: the other side has gone.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }
  bool readable() const {  // or closed
    pollfd asked{.fd = socket_, .events = POLLIN, .revents = 0};
    return ::poll(&asked, 1, 0) > 0;
  }
  // What comes, up to and with `end`; all up to the close of the connection if `end` does not come.
  std::string read_to(std::string_view end) {
    std::string taken;
    while (true) {
      if (const std::size_t at = rest_.find(end); !end.empty() && at != std::string::npos) {
        taken = rest_.substr(0, at + end.size());
        rest_.erase(0, at + end.size());
        return taken;
      }
      if (!receive()) return std::exchange(rest_, {});
    }
  }
  std::string read_all() { return read_to({}); }
  // One message with a content-length.
  std::string read_answer() {
    std::string head = read_to("\r\n\r\n");
    const std::size_t at = head.find("content-length: ");
    if (at == std::string::npos) return head;
    const auto length = static_cast<std::size_t>(std::stoul(head.substr(at + 16)));
    while (rest_.size() < length && receive()) {
    }
    head += rest_.substr(0, length);
    rest_.erase(0, length);
    return head;
  }

 private:
  bool receive() {
    char buffer[65536];  // NOLINT(modernize-avoid-c-arrays)
    const ssize_t count = ::recv(socket_, buffer, sizeof buffer, 0);
    stuck_ = count < 0 && errno == EAGAIN;
    if (count <= 0) return false;
    rest_.append(buffer, static_cast<std::size_t>(count));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool stuck_ = false;
  std::string rest_;
};

inline std::string post_text(std::string_view path, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(path) + " HTTP/1.1\r\nhost: x\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

inline std::string get_text(std::string_view path) { return "GET " + std::string(path) + " HTTP/1.1\r\nhost: x\r\n\r\n"; }

// A worker's answer with a length.
inline std::string answer_text(std::string_view body, int status = 200, std::string_view headers = {}) {
  return "HTTP/1.1 " + std::to_string(status) + " X\r\ncontent-length: " + std::to_string(body.size()) + "\r\n" +
         std::string(headers) + "\r\n" + std::string(body);
}

// The head of an answer in chunks, and chunks.
inline std::string stream_text(std::initializer_list<std::string_view> events, bool end = true) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
  for (const std::string_view event : events) {
    const std::string text = "data: " + std::string(event) + "\n\n";
    out += std::string(1, kDigits[text.size() / 16 % 16]) + kDigits[text.size() % 16] + "\r\n" + text + "\r\n";
  }
  return end ? out + "0\r\n\r\n" : out;
}

}  // namespace infbench::live::test
