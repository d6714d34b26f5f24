// MetricsCollector: asks servers for /metrics three times a second during a replay, on the loop of the calling thread.
// Endpoints that do not answer are let go after their first failure. One owner, the loop's thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "live/http_call.h"
#include "measure/server_metrics.h"

namespace infbench::live {

class MetricsCollector {
 public:
  using OnLine = std::function<void(std::string_view line)>;  // of server_metrics_export.jsonl

  MetricsCollector(net::EventLoop& loop, std::vector<Target> endpoints, HttpCall::Headers headers, std::int64_t epoch_ns,
                   OnLine on_line);
  ~MetricsCollector();

  void start();
  // Asks once more, so that the end of the run is in it; runs the loop until all have answered, but not for long.
  void finish();

  const measure::ServerMetrics& metrics() const { return metrics_; }
  std::vector<std::string> configured() const;

 private:
  struct Endpoint {
    Target target;
    std::string url;
    std::unique_ptr<HttpCall> get;
    bool pending = false;
    bool gone = false;
    bool ever = false;
  };
  void ask();
  bool any_pending() const;
  void on_answer(Endpoint& endpoint, const Result<HttpAnswer>& answer);

  net::EventLoop& loop_;
  std::vector<Endpoint> endpoints_;
  HttpCall::Headers headers_;
  OnLine on_line_;
  net::Timer timer_;
  measure::ServerMetrics metrics_;
  std::string line_;
  bool running_ = false;
  bool finishing_ = false;
};

// Where the metrics of a server are: its own address, /metrics, without the path of its API; `url` may be an address of
// /metrics itself.
Result<Target> metrics_target(const std::string& url);

}  // namespace infbench::live
