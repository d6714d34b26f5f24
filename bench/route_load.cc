// The client of ./dev bench route: far cheaper than the routers that it loads, and no two of its prompts are alike.
// usage: route_load requests|stream|latency PORT BODY_BYTES COUNT SECONDS [PID...]
//          requests: COUNT connections, each asks again when it is answered; stream: the same with streams
//          latency:  COUNT requests a second, evenly spread, each on a connection that is idle
//        route_load prompts PORT BODY_BYTES COUNT 0 [PID...]   so many requests over 16 connections
// Prints one JSON object. What it counts is of SECONDS after a start of its own, and so is cpu_s: user and system time of the
// processes PID, from /proc.
#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <unistd.h>

#include "base/random.h"
#include "net/event_loop.h"
#include "net/http_reader.h"
#include "net/tcp.h"

namespace infbench {
namespace {

constexpr Duration kStart = milliseconds(300);
constexpr std::size_t kTextBytes = std::size_t{1} << 20U;
constexpr std::size_t kPromptClients = 16;

double cpu_seconds(const std::vector<std::string>& pids) {
  double ticks = 0;
  for (const std::string& pid : pids) {
    std::ifstream file("/proc/" + pid + "/stat");
    std::string line;
    std::getline(file, line);
    std::istringstream fields(line.substr(std::min(line.rfind(')') + 2, line.size())));
    std::string field;
    for (int i = 0; i < 13 && fields >> field; ++i) {
      if (i >= 11) ticks += std::atof(field.c_str());
    }
  }
  return ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

// Requests that differ from their first word on. The text behind it is a piece of one long random text, at another place each
// time, so that a request costs its sender nothing to make.
class Prompts {
 public:
  Prompts(std::size_t body_bytes, bool stream, std::uint64_t seed) : random_(seed) {
    begin_ = stream ? R"({"model":"m","stream":true,"max_tokens":9,"messages":[{"role":"user","content":")"
                    : R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":")";
    text_.reserve(kTextBytes);
    while (text_.size() < kTextBytes) text_ += static_cast<char>(random_.below(6) == 0 ? ' ' : 'a' + random_.below(26));
    text_bytes_ = body_bytes - begin_.size() - kEnd.size() - kWordBytes;
    head_ = "POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: " +
            std::to_string(body_bytes) + "\r\n\r\n";
  }

  void send(net::Connection& connection) {
    for (char& letter : word_) letter = static_cast<char>('a' + random_.below(26));
    const std::string_view text = std::string_view(text_).substr(random_.below(kTextBytes - text_bytes_), text_bytes_);
    const std::array<std::string_view, 5> parts{head_, begin_, {word_.data(), word_.size()}, text, kEnd};
    connection.send(parts);
  }

 private:
  static constexpr std::string_view kEnd = R"("}]})";
  static constexpr std::size_t kWordBytes = 16;
  Random random_;
  std::string head_;
  std::string begin_;
  std::array<char, kWordBytes> word_{};
  std::string text_;
  std::size_t text_bytes_ = 0;
};

struct Options {
  std::string mode;
  int port = 0;
  std::size_t body_bytes = 0;
  std::size_t count = 0;
  Duration length{};
  std::vector<std::string> pids;
};

class Load {
 public:
  Load(net::EventLoop& loop, const Options& options)
      : loop_(loop),
        options_(options),
        prompts_(options.body_bytes, options.mode == "stream", static_cast<std::uint64_t>(::getpid())),
        window_(loop, [this] { on_window(); }),
        next_(loop, [this] { on_next(); }) {}

  void start() {
    const bool latency = options_.mode == "latency";
    const std::size_t clients = latency ? 0 : options_.mode == "prompts" ? kPromptClients : options_.count;
    for (std::size_t i = 0; i < clients; ++i) connect();
    begun_ = net::steady_now();
    cpu_ = cpu_seconds(options_.pids);
    if (options_.mode != "prompts") window_.arm(begun_ + kStart);
    if (latency) {
      due_ = begun_;
      next_.arm(due_);
    }
  }

  int print() {
    std::sort(took_us_.begin(), took_us_.end());
    const double p50 = took_us_.empty() ? 0 : took_us_[took_us_.size() / 2];
    std::printf("{\"requests\":%zu,\"chunks\":%zu,\"errors\":%zu,\"seconds\":%.6f,\"cpu_s\":%.3f,\"p50_us\":%.1f}\n", requests_,
                events_, errors_, to_s(ended_ - begun_), cpu_, p50);
    return 0;
  }

 private:
  struct Client {
    std::unique_ptr<net::Connection> connection;
    net::HttpReader reader{net::HttpReader::Kind::response, net::HttpLimits{.body_bytes = UINT64_MAX}};
    Time due;
  };

  void connect(Time due = {}) {
    net::connect(loop_, "127.0.0.1", options_.port, seconds(10), [this, due](auto connected) {
      if (!connected) {
        ++errors_;
        return;
      }
      clients_.push_back(std::make_unique<Client>());
      Client& client = *clients_.back();
      client.due = due;
      client.connection = *std::move(connected);
      client.connection->set_events({.on_bytes = [this, &client](std::string_view bytes, Time) { on_bytes(client, bytes); },
                                     .on_drained = {},
                                     .on_closed = [this, &client](const std::string&) { on_closed(client); }});
      ask(client);
    });
  }

  void ask(Client& client) {
    if (options_.mode == "prompts" && sent_ == options_.count) return;
    ++sent_;
    prompts_.send(*client.connection);
  }

  void on_bytes(Client& client, std::string_view bytes) {
    while (!bytes.empty()) {
      const auto progress = client.reader.feed(bytes);
      bytes.remove_prefix(progress.consumed);
      for (const std::string_view piece : progress.body) count_events(piece);
      if (client.reader.error()) {
        ++errors_;
        return;
      }
      if (progress.complete) on_answer(client);
    }
  }

  // An event ends with an empty line; a piece never ends inside of one here, since a worker writes events whole.
  void count_events(std::string_view piece) {
    for (std::size_t at = piece.find("\n\n"); at != std::string_view::npos; at = piece.find("\n\n", at + 2)) ++events_;
  }

  void on_answer(Client& client) {
    if (client.reader.head().status != 200) ++errors_;
    ++requests_;
    if (options_.mode == "latency") {
      if (measuring_) took_us_.push_back(to_ms(net::steady_now() - client.due) * 1000);
      idle_.push_back(&client);
      return;
    }
    if (options_.mode == "prompts" && requests_ == options_.count) return finish();
    ask(client);
  }

  // Some routers close a connection after so many requests.
  void on_closed(Client& client) {
    if (!client.reader.between_messages()) ++errors_;
    if (std::erase(idle_, &client) == 0 && options_.mode != "latency") connect();
  }

  void on_next() {
    // The timer is coarser than the rate may be: all that are due.
    const Time now = net::steady_now();
    for (; due_ <= now; due_ = due_ + Duration{static_cast<std::int64_t>(1e9 / static_cast<double>(options_.count))}) {
      if (idle_.empty()) {
        connect(due_);
        continue;
      }
      Client& client = *idle_.back();
      idle_.pop_back();
      client.due = due_;
      ask(client);
    }
    next_.arm(due_);
  }

  void on_window() {
    if (measuring_) return finish();
    measuring_ = true;
    requests_ = events_ = errors_ = 0;
    begun_ = net::steady_now();
    cpu_ = cpu_seconds(options_.pids);
    window_.arm(begun_ + options_.length);
  }

  void finish() {
    ended_ = net::steady_now();
    cpu_ = cpu_seconds(options_.pids) - cpu_;
    loop_.stop();
  }

  net::EventLoop& loop_;
  const Options& options_;
  Prompts prompts_;
  net::Timer window_;
  net::Timer next_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Client*> idle_;
  std::vector<double> took_us_;
  Time due_;
  Time begun_;
  Time ended_;
  double cpu_ = 0;
  std::size_t sent_ = 0;
  std::size_t requests_ = 0;
  std::size_t events_ = 0;
  std::size_t errors_ = 0;
  bool measuring_ = false;
};

}  // namespace
}  // namespace infbench

int main(int argc, char** argv) {
  using namespace infbench;
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 5) return 2;
  const Options options{.mode = arguments[0],
                        .port = std::atoi(arguments[1].c_str()),
                        .body_bytes = static_cast<std::size_t>(std::atol(arguments[2].c_str())),
                        .count = static_cast<std::size_t>(std::atol(arguments[3].c_str())),
                        .length = milliseconds(static_cast<std::int64_t>(std::atof(arguments[4].c_str()) * 1000)),
                        .pids = {arguments.begin() + 5, arguments.end()}};
  net::EventLoop loop;
  Load load(loop, options);
  loop.post([&] { load.start(); });
  loop.run();
  return load.print();
}
