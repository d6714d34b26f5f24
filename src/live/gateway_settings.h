// GatewaySettings: what `srtctl route` is told, as values; the defaults are those of sglang-router 0.3.2's command line but for
// the address (127.0.0.1). Immutable once the gateway runs, usable from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "base/types.h"
#include "cost/step_time.h"
#include "live/replay_body.h"
#include "net/text_tokens.h"
#include "net/tls.h"
#include "route/parameters.h"

namespace infbench::live {

// What policies that estimate seconds know of a worker; null and 0: nothing, they count tokens.
struct EngineFacts {
  const cost::StepTime* speed = nullptr;  // outlives the gateway
  Tokens kv_capacity = 0;
};

// One worker to send to.
struct UpstreamSettings {
  Target target;
  Role role = Role::aggregated;
  std::optional<int> bootstrap_port;  // of prefill workers; none: the body says null
  // What policies that estimate seconds know of it; null and 0: nothing, they count tokens.
  const cost::StepTime* speed = nullptr;  // outlives the gateway
  Tokens kv_capacity = 0;
};

struct HealthSettings {
  bool enabled = true;  // false: every worker counts as healthy from the start
  std::string path = "/health";
  Duration interval = seconds(60);
  Duration timeout = seconds(5);
  int failures_to_fall = 3;  // in a row
  int successes_to_rise = 2;
  Duration startup_timeout = seconds(1800);  // a worker that has never been healthy by then is given up
};

struct BreakerSettings {
  bool enabled = true;
  int failures_to_open = 10;  // within `window`, without a success in between
  int successes_to_close = 3;
  Duration open_for = seconds(60);
  Duration window = seconds(120);
};

struct RetrySettings {
  int attempts_max = 5;  // in all; 1: none is repeated
  Duration backoff_first = milliseconds(50);
  Duration backoff_max = seconds(30);
  double backoff_factor = 1.5;
  double jitter = 0.2;  // of the backoff, up or down
};

struct AdmissionSettings {
  std::optional<int> concurrent_max;  // none: no limit
  int queue_max = 100;                // waiting beyond that; more are answered 429
  Duration queue_timeout = seconds(60);
  std::optional<double> rate_per_s;  // requests started per second on average, in bursts of concurrent_max
};

// Workers that tell of their prefix caches (KV events).
struct KvSettings {
  std::vector<std::string> endpoints;    // of the workers with a prefix cache, in their order; empty: none tells
  std::string topic;                     // messages whose topic begins with it
  Tokens page = 64;                      // tokens in a block of theirs
  const net::WordList* words = nullptr;  // of `srtctl serve`, whose blocks of text are named too; outlives the gateway
};

struct GatewaySettings {
  std::string host = "127.0.0.1";
  int port = 30000;
  std::shared_ptr<const net::TlsContext> tls;  // null: clients speak plain HTTP
  std::vector<UpstreamSettings> workers;
  bool disaggregated = false;
  std::string policy = "cache_aware";
  std::string prefill_policy;  // empty: policy
  std::string decode_policy;   // empty: policy
  route::PolicyParameters parameters;
  Slo slo{seconds(2), milliseconds(25)};
  std::array<EngineFacts, 3> engines;  // by Role, of workers that are added at run time
  std::uint64_t seed = 0;
  HealthSettings health;
  BreakerSettings breaker;
  RetrySettings retry;
  AdmissionSettings admission;
  Duration request_timeout = seconds(1800);  // from arrival on; to blame for its end is only who had half of it
  Duration connect_timeout = seconds(10);
  Duration head_timeout = seconds(30);  // a client that takes longer for a request's head is let go
  Duration shutdown_grace = seconds(180);
  std::uint64_t body_bytes_max = std::uint64_t{512} << 20U;
  std::vector<std::string> request_id_headers{"x-request-id", "x-correlation-id", "x-trace-id", "request-id"};
  std::size_t clients_max = 0;    // connections of clients at once; more are answered 503. 0: no limit
  std::size_t upstreams_max = 0;  // connections to workers, idle ones go first; 0: no limit
  std::string api_key;            // empty: none is asked for
  bool explain = false;
  KvSettings kv;
  std::string metrics_host = "127.0.0.1";
  std::optional<int> metrics_port;  // none: 29000 if that is free
  std::string decision_log;         // a file; empty: none is kept
};

}  // namespace infbench::live
