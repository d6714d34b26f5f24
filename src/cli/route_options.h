// What `srtctl route` is told: the flags of sglang-router 0.3.2 that concern HTTP routing, and some of our own. Values, one
// thread.
#pragma once

#include <string>
#include <vector>

#include "live/gateway_settings.h"

namespace infbench::cli {

struct RouteOptions {
  live::GatewaySettings settings;        // all but workers, in the units below
  std::vector<std::string> worker_urls;  // --worker-urls URL...
  std::vector<std::string> prefill;      // --prefill URL [PORT|none]..., as it came: URLs and ports
  std::vector<std::string> decode;       // --decode URL...
  bool disable_retries = false;
  bool disable_breaker = false;
  bool disable_health = false;
  int concurrent_max = -1;
  double rate_per_s = 0;  // 0: none
  std::int64_t queue_timeout_s = 60;
  std::int64_t request_timeout_s = 1800;
  std::int64_t grace_s = 180;
  std::int64_t health_interval_s = 60;
  std::int64_t health_timeout_s = 5;
  std::int64_t startup_timeout_s = 1800;
  std::int64_t breaker_timeout_s = 60;
  std::int64_t breaker_window_s = 120;
  std::int64_t backoff_first_ms = 50;
  std::int64_t backoff_max_ms = 30000;
  double head_timeout_s = 30;
  std::string gpu;  // with the next: whose step times policies use; empty: tokens are counted
  std::string precision = "bf16";
  std::string engine = "sglang";
  std::string model;
  int tp = 1;
  int decode_tp = 0;           // of decode workers; 0: tp
  double mem_fraction = 0;     // with it and the next the KV on a worker is computed; 0: not known
  std::int64_t chunk = 8192;   // tokens of a prefill step
  std::int64_t kv_tokens = 0;  // 0: not known
  double time_scale = 1;       // the step times are divided by it
  double ttft_ms = 2000;
  double itl_ms = 25;
  std::string tls_certificate;  // files in PEM; empty: plain HTTP
  std::string tls_key;
  bool kv_text = false;
  std::string without_meaning;
};

}  // namespace infbench::cli
