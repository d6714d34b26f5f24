// GatewayMetrics: what `srtctl route` has done so far, as /metrics says it: by the names and labels of sglang-router 0.3.2
// where they mean the same, and by srtctl_route_* what only this gateway knows. docs/route.md lists them.
//
// Counting a request allocates nothing: all counters are there from the start, or from the moment a worker was added. What the
// Gateway knows itself is read from it when the text is made. One owner, one thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "live/gateway.h"
#include "live/prometheus_text.h"
#include "net/openai.h"

namespace infbench::live {

class GatewayMetrics {
 public:
  GatewayMetrics(std::string policy, std::string prefill_policy, std::string decode_policy);

  // One HTTP request of a client, from its last byte to the end of its answer. Its owner keeps it with the client.
  struct Request {
    Time since;
    std::uint8_t method = 0;
    std::uint8_t path = 0;
    std::uint8_t endpoint = 0;
    bool open = false;    // not answered yet
    bool routed = false;  // went to the Gateway
    bool stream = false;
    std::string_view code{};  // of an error; a constant
  };
  void begin(Request& request, std::string_view method, std::string_view path, Time since);
  void routed(Request& request, std::optional<net::Api> api, bool stream);
  void decided(Duration took);  // from a whole request to its first choice
  void chosen(const Request& request, const GatewayChoice& choice, Tokens input, Role role);
  void retries_exhausted(const Request& request, Role role);
  void answer_began(int status) { ++upstream_statuses_[index_of(status)]; }  // a worker's
  void first_bytes(const Request& request, Time now);                        // of a worker's answer, on their way to the client
  void end(Request& request, int status, Time now);
  void health_checked(Role role, bool ok) { ++health_checks_[static_cast<std::size_t>(role)][ok ? 0 : 1]; }
  void add_decision_log_bytes(std::size_t bytes) { decision_log_bytes_ += bytes; }

  // All of /metrics. `connections`: of clients.
  std::string text(const Gateway& gateway, std::size_t connections, Time now) const;

 private:
  static constexpr std::size_t kMethods = 4;
  static constexpr std::size_t kPaths = 14;
  static constexpr std::size_t kEndpoints = 4;
  static constexpr std::size_t kRoles = 3;
  static constexpr std::size_t kStatuses = 600;
  static constexpr std::size_t kReasons = 32;
  struct Worker {
    std::array<std::uint64_t, kReasons> choices{};  // by route::Reason
    Tokens prompts = 0;
    Tokens expected_cached = 0;
  };
  struct Response {
    int status = 0;
    std::string_view code;
    std::uint64_t count = 0;
  };

  static std::size_t index_of(int status) {
    return status < 0 || status >= static_cast<int>(kStatuses) ? 0 : static_cast<std::size_t>(status);
  }
  void count_choice(const route::Pick& pick, Tokens input);
  void write_http(std::string& out, std::size_t connections) const;
  void write_router(std::string& out, std::string_view backend) const;
  void write_selections(std::string& out, const Gateway& gateway) const;
  void write_retries(std::string& out) const;
  void write_own(std::string& out, const Gateway& gateway, Time now) const;

  std::array<std::string, kRoles> policies_;  // by role
  std::array<std::array<std::uint64_t, kPaths>, kMethods> http_{};
  std::vector<DurationHistogram> http_durations_;  // [method][path]
  std::vector<Response> responses_;
  std::array<std::array<std::uint64_t, 2>, kEndpoints> router_requests_{};  // [endpoint][stream]
  std::vector<DurationHistogram> router_durations_;                         // by endpoint, as the next
  std::vector<DurationHistogram> ttfts_;
  DurationHistogram decisions_;
  std::array<std::uint64_t, kStatuses> upstream_statuses_{};
  std::array<std::array<std::uint64_t, kEndpoints>, kRoles> retries_{};
  std::array<std::array<std::uint64_t, kEndpoints>, kRoles> exhausted_{};
  std::array<std::array<std::uint64_t, 2>, kRoles> health_checks_{};  // [role][ok, not]
  std::vector<Worker> workers_;
  std::uint64_t decision_log_bytes_ = 0;
};

}  // namespace infbench::live
