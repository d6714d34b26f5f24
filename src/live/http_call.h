// HttpCall: one request and its answer over a connection of its own, for what is not hot: readiness, /metrics, /flush_cache. Of
// the loop's thread; destroying it gives it up.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "live/replay_body.h"
#include "net/event_loop.h"

namespace infbench::live {

struct HttpAnswer {
  int status = 0;
  std::string body;
  Time sent;
  Time first_byte;
};

class HttpCall {
 public:
  using OnAnswer = std::function<void(Result<HttpAnswer>)>;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  struct Request {
    std::string method = "GET";
    std::string path;  // put behind the target's own
    Headers headers = {};
    std::string body = {};  // JSON; of a POST
  };

  // Calls back once, never before it returns.
  HttpCall(net::EventLoop& loop, const Target& target, const Request& request, Duration timeout, OnAnswer on_answer);
  ~HttpCall();
  HttpCall(const HttpCall&) = delete;
  HttpCall& operator=(const HttpCall&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs the loop until each target answers GET /v1/models with 200 and names the model, asking twice a second. Error: it did not
// within `patience`; says what was last heard of whom.
Result<void> wait_for_model(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model,
                            const HttpCall::Headers& headers, Duration patience);

}  // namespace infbench::live
