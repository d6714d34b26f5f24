// HttpGet: one GET over a connection of its own, for what is not hot: readiness, /metrics. Of the loop's thread; destroying it
// gives it up.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "live/replay_body.h"
#include "net/event_loop.h"

namespace infbench::live {

struct GetAnswer {
  int status = 0;
  std::string body;
  Time sent;
  Time first_byte;
};

class HttpGet {
 public:
  using OnAnswer = std::function<void(Result<GetAnswer>)>;
  using Headers = std::vector<std::pair<std::string, std::string>>;

  // Calls back once, never before it returns. `path` is put behind the target's own.
  HttpGet(net::EventLoop& loop, const Target& target, const std::string& path, const Headers& headers, Duration timeout,
          OnAnswer on_answer);
  ~HttpGet();
  HttpGet(const HttpGet&) = delete;
  HttpGet& operator=(const HttpGet&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs the loop until each target answers GET /v1/models with 200 and names the model, asking twice a second. Error: it did not
// within `patience`; says what was last heard of whom.
Result<void> wait_for_model(net::EventLoop& loop, const std::vector<Target>& targets, const std::string& model,
                            const HttpGet::Headers& headers, Duration patience);

}  // namespace infbench::live
