#include "live/replay_get.h"

#include <utility>

#include <fmt/format.h>

#include "base/json_writer.h"
#include "net/http_reader.h"
#include "net/tcp.h"

namespace infbench::live {
namespace {

constexpr std::uint64_t kLargestBody = std::uint64_t{64} << 20U;
constexpr Duration kBetweenQuestions = milliseconds(500);

}  // namespace

struct HttpGet::State : std::enable_shared_from_this<HttpGet::State> {
  State(net::EventLoop& on_loop, OnAnswer callback, std::string head)
      : timer(on_loop, [this] { end(fail("no answer in time")); }),
        reader(net::HttpReader::Kind::response, {.body_bytes = kLargestBody}),
        on_answer(std::move(callback)),
        request(std::move(head)) {}

  void on_connected(Result<std::unique_ptr<net::Connection>> connected) {
    if (!on_answer) return;
    if (!connected) return end(fail(connected.error()));
    connection = *std::move(connected);
    connection->set_events({.on_bytes = [this](std::string_view bytes, Time at) { on_bytes(bytes, at); },
                            .on_drained = {},
                            .on_closed =
                                [this](const std::string& reason) {
                                  if (reader.finish()) return finish();
                                  end(fail(reason.empty() ? "the connection was closed" : reason));
                                }});
    answer.sent = net::steady_now();
    connection->send(request);
  }

  void on_bytes(std::string_view bytes, Time at) {
    if (answer.first_byte == Time{}) answer.first_byte = at;
    const net::HttpReader::Progress progress = reader.feed(bytes);
    for (const std::string_view piece : progress.body) answer.body += piece;
    if (reader.error()) return end(fail(reader.error()->what));
    if (progress.complete) finish();
  }

  void finish() {
    answer.status = reader.head().status;
    end(std::move(answer));
  }

  void end(Result<GetAnswer> result) {
    const auto self = shared_from_this();  // the callback may drop the last other owner
    timer.disarm();
    connection.reset();
    if (const OnAnswer callback = std::exchange(on_answer, {})) callback(std::move(result));
  }

  net::Timer timer;
  net::HttpReader reader;
  OnAnswer on_answer;
  std::string request;
  std::unique_ptr<net::Connection> connection;
  GetAnswer answer;
};

HttpGet::HttpGet(net::EventLoop& loop, const Target& target, const std::string& path, const Headers& headers, Duration timeout,
                 OnAnswer on_answer) {
  std::string head = fmt::format("GET {}{} HTTP/1.1\r\nHost: {}:{}\r\nUser-Agent: infbench\r\nConnection: close\r\n",
                                 target.path, path, target.host, target.port);
  for (const auto& [name, value] : headers) head.append(name).append(": ").append(value).append("\r\n");
  head += "\r\n";
  state_ = std::make_shared<State>(loop, std::move(on_answer), std::move(head));
  state_->timer.arm(net::steady_now() + timeout);
  net::connect(loop, target.host, target.port, timeout,
               [state = std::weak_ptr<State>(state_)](Result<std::unique_ptr<net::Connection>> connection) {
                 if (const auto alive = state.lock()) alive->on_connected(std::move(connection));
               });
}

HttpGet::~HttpGet() {
  state_->on_answer = {};
  state_->timer.disarm();
  state_->connection.reset();
}

namespace {

// Asks one target after the other until each has answered well.
class Waiting {
 public:
  Waiting(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model, const HttpGet::Headers& headers)
      : loop_(loop), targets_(targets), headers_(headers), timer_(loop, [this] { ask(); }), late_(loop, [this] {
          loop_.stop();
        }) {
    append_json(quoted_, std::string_view(model));
  }

  Result<void> run(Duration patience) {
    late_.arm(net::steady_now() + patience);
    timer_.arm(net::steady_now());
    loop_.run();
    if (next_ == targets_.size()) return {};
    return fail(fmt::format("{} did not become ready within {:g} s: {}", targets_[next_].url, to_s(patience), heard_),
                "is the server up, and does it serve the model under that name?");
  }

 private:
  void ask() {
    get_ = std::make_unique<HttpGet>(loop_, targets_[next_], "/v1/models", headers_, seconds(5),
                                     [this](const Result<GetAnswer>& answer) { on_answer(answer); });
  }

  void on_answer(const Result<GetAnswer>& answer) {
    if (!answer) {
      heard_ = answer.error().front().what;
    } else if (answer->status != 200) {
      heard_ = fmt::format("HTTP status {} of /v1/models", answer->status);
    } else if (answer->body.find(quoted_) == std::string::npos) {
      heard_ = fmt::format("/v1/models does not name {}", quoted_);
    } else {
      if (++next_ == targets_.size()) return loop_.stop();
      return timer_.arm(net::steady_now());
    }
    timer_.arm(net::steady_now() + kBetweenQuestions);
  }

  net::EventLoop& loop_;
  const std::vector<Target>& targets_;
  const HttpGet::Headers& headers_;
  std::string quoted_;
  net::Timer timer_;
  net::Timer late_;
  std::unique_ptr<HttpGet> get_;
  std::size_t next_ = 0;
  std::string heard_ = "no answer";
};

}  // namespace

Result<void> wait_for_model(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model,
                            const HttpGet::Headers& headers, Duration patience) {
  return Waiting(loop, targets, model, headers).run(patience);
}

}  // namespace infbench::live
