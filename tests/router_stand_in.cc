// A stand-in for sglang-router, for tests of `srtctl submit` that must not need Python: started by the same words (`python3 -m
// sglang_router.launch_router --worker-urls URL... --host H --port P ...`), it answers GET /workers as that does and hands
// every other request to the next worker in turn, answer bytes as they come. Aggregated workers only.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "live/http_call.h"
#include "live/replay_inputs.h"
#include "net/event_loop.h"
#include "net/http_reader.h"
#include "net/tcp.h"

namespace infbench {
namespace {

struct Router {
  net::EventLoop loop;
  std::vector<live::Target> workers;
  std::size_t next = 0;
};

// One connection: one request, one answer, closed.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Router& router, std::unique_ptr<net::Connection> client) : router_(router), client_(std::move(client)) {}

  void begin() {
    client_->set_events({.on_bytes = [self = shared_from_this()](std::string_view bytes, Time) { self->on_request(bytes); },
                         .on_drained = {},
                         .on_closed = [self = shared_from_this()](const std::string&) { self->end(); }});
  }

 private:
  void on_request(std::string_view bytes) {
    const auto progress = reader_.feed(bytes);
    for (const std::string_view piece : progress.body) body_ += piece;
    if (reader_.error()) return end();
    if (!progress.complete) return;
    if (reader_.head().path() == "/workers") return ask_workers();
    const live::Target& worker = router_.workers[router_.next++ % router_.workers.size()];
    net::connect(router_.loop, worker.host, worker.port, seconds(5),
                 [self = shared_from_this()](Result<std::unique_ptr<net::Connection>> connection) {
                   self->on_worker(std::move(connection));
                 });
  }

  void on_worker(Result<std::unique_ptr<net::Connection>> connection) {
    if (client_ == nullptr) return;
    if (!connection) return answer(503, "no worker");
    worker_ = *std::move(connection);
    worker_->set_events({.on_bytes =
                             [self = shared_from_this()](std::string_view bytes, Time) {
                               if (self->client_) self->client_->send(bytes);
                             },
                         .on_drained = {},
                         .on_closed = [self = shared_from_this()](const std::string&) { self->finish(); }});
    const net::HttpHead& head = reader_.head();
    worker_->send(fmt::format(
        "{} {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
        head.method, head.target, body_.size(), body_));
  }

  void ask_workers() {
    left_ = router_.workers.size();
    healthy_.assign(left_, false);
    for (std::size_t i = 0; i < router_.workers.size(); ++i) {
      calls_.push_back(std::make_unique<live::HttpCall>(router_.loop, router_.workers[i],
                                                        live::HttpCall::Request{.path = "/health"}, seconds(5),
                                                        [this, i](const Result<live::HttpAnswer>& heard) {
                                                          healthy_[i] = heard && heard->status == 200;
                                                          if (--left_ == 0) list();
                                                        }));
    }
  }

  void list() {
    std::string list;
    for (std::size_t i = 0; i < healthy_.size(); ++i) {
      list += fmt::format(R"({}{{"url":"{}","worker_type":"regular","is_healthy":{}}})", list.empty() ? "" : ",",
                          router_.workers[i].url, healthy_[i]);
    }
    answer(200, fmt::format(R"({{"workers":[{}]}})", list));
  }

  void answer(int status, const std::string& body) {
    client_->send(fmt::format("HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body));
    finish();
  }

  void finish() {
    if (client_) client_->shut_when_sent();
    worker_.reset();
  }
  void end() {
    const auto self = shared_from_this();
    worker_.reset();
    client_.reset();
  }

  Router& router_;
  std::unique_ptr<net::Connection> client_;
  std::unique_ptr<net::Connection> worker_;
  net::HttpReader reader_{net::HttpReader::Kind::request, {}};
  std::string body_;
  std::size_t left_ = 0;
  std::vector<bool> healthy_;
  std::vector<std::unique_ptr<live::HttpCall>> calls_;
};

int serve(const std::vector<std::string>& words) {
  Router router;
  std::string host = "127.0.0.1";
  int port = 0;
  std::string flag;
  for (const std::string& word : words) {
    if (word.starts_with("--")) {
      flag = word;
    } else if (flag == "--worker-urls") {
      router.workers.push_back(live::parse_target(word).value());
    } else if (flag == "--host") {
      host = word;
    } else if (flag == "--port") {
      port = std::stoi(word);
    }
  }
  const auto listener = net::Listener::open(router.loop, host, port, [&](std::unique_ptr<net::Connection> connection) {
    std::make_shared<Session>(router, std::move(connection))->begin();
  });
  if (!listener) {
    std::fprintf(stderr, "%s", format_errors(listener.error()).c_str());
    return 1;
  }
  const net::SignalWatch signals(router.loop, [&](int) { router.loop.stop(); });
  router.loop.run();
  return 0;
}

}  // namespace
}  // namespace infbench

int main(int argc, char** argv) {
  // The loop of a test's process may be stopped with requests under way; what they hold is the system's to take back.
  std::exit(infbench::serve({argv + 1, argv + argc}));
}
