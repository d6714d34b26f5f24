#include "live/http_call.h"

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

struct HttpCall::State : std::enable_shared_from_this<HttpCall::State> {
  State(net::EventLoop& on_loop, OnAnswer callback, std::string text)
      : timer(on_loop, [this] { end(fail("no answer in time")); }),
        reader(net::HttpReader::Kind::response, {.body_bytes = kLargestBody}),
        on_answer(std::move(callback)),
        request(std::move(text)) {}

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

  void end(Result<HttpAnswer> result) {
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
  HttpAnswer answer;
};

HttpCall::HttpCall(net::EventLoop& loop, const Target& target, const Request& request, Duration timeout, OnAnswer on_answer) {
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}\r\nUser-Agent: infbench\r\nConnection: close\r\n",
                                 request.method, target.path, request.path, target.authority());
  for (const auto& [name, value] : request.headers) text.append(name).append(": ").append(value).append("\r\n");
  if (request.method == "POST") {
    text += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", request.body.size());
  }
  text += "\r\n" + request.body;
  state_ = std::make_shared<State>(loop, std::move(on_answer), std::move(text));
  state_->timer.arm(net::steady_now() + timeout);
  net::connect(loop, target.host, target.port, timeout,
               [state = std::weak_ptr<State>(state_)](Result<std::unique_ptr<net::Connection>> connection) {
                 if (const auto alive = state.lock()) alive->on_connected(std::move(connection));
               });
}

HttpCall::~HttpCall() {
  state_->on_answer = {};
  state_->timer.disarm();
  state_->connection.reset();
}

namespace {

// Asks one target after the other until each has answered well.
class Waiting {
 public:
  Waiting(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model, const HttpCall::Headers& headers)
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
    call_ = std::make_unique<HttpCall>(loop_, targets_[next_], HttpCall::Request{.path = "/v1/models", .headers = headers_},
                                       seconds(5), [this](const Result<HttpAnswer>& answer) { on_answer(answer); });
  }

  void on_answer(const Result<HttpAnswer>& answer) {
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
  const HttpCall::Headers& headers_;
  std::string quoted_;
  net::Timer timer_;
  net::Timer late_;
  std::unique_ptr<HttpCall> call_;
  std::size_t next_ = 0;
  std::string heard_ = "no answer";
};

}  // namespace

Result<void> wait_for_model(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model,
                            const HttpCall::Headers& headers, Duration patience) {
  return Waiting(loop, targets, model, headers).run(patience);
}

}  // namespace infbench::live
