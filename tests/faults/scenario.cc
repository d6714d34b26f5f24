#include "scenario.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace infbench::faults {
namespace {

class Drawing {
 public:
  explicit Drawing(std::uint64_t seed) : random_(mix64(seed)) { s_.seed = seed; }

  Scenario draw() {
    s_.calm = chance(0.2);
    draw_workers();
    draw_policies();
    draw_limits();
    draw_traffic();
    if (s_.calm) {
      if (chance(0.8)) draw_roughness();
      return s_;
    }
    draw_rates();
    draw_mishaps();
    if (chance(0.25)) s_.strangers = 1 + below(4);
    return s_;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }
  bool chance(double p) { return random_.unit() < p; }
  Duration up_to(Duration most) { return Duration{static_cast<std::int64_t>(below(static_cast<std::uint64_t>(most.ns)))}; }

  void draw_workers() {
    live::GatewaySettings& g = s_.gateway;
    g.port = kGatewayPort;
    g.seed = s_.seed;
    g.disaggregated = chance(0.45);
    if (g.disaggregated) {
      s_.workers.assign(1 + below(2), Role::prefill);
      s_.workers.insert(s_.workers.end(), 1 + below(2), Role::decode);
    } else {
      s_.workers.assign(2 + below(3), Role::aggregated);
    }
    if (!s_.calm && chance(0.2)) s_.flaky = below(s_.workers.size());
    for (std::size_t i = 0; i < s_.workers.size(); ++i) {
      live::UpstreamSettings worker;
      worker.target = {.host = worker_host(i), .port = kServePort, .path = {}, .url = {}};
      worker.target.url = "http://" + worker.target.host + ":" + std::to_string(kServePort);
      worker.role = s_.workers[i];
      if (worker.role == Role::prefill) worker.bootstrap_port = kBootstrapPort;
      g.workers.push_back(worker);
    }
    if (chance(0.3)) s_.kv_capacity = 4'000 + static_cast<Tokens>(below(8'000));
    s_.room_timeout = milliseconds(500) + up_to(seconds(8));
  }

  void draw_policies() {
    constexpr std::array<std::string_view, 13> kPolicies{
        "bucket",   "cache_aware",  "consistent_hash", "kv",     "least_load",  "llmd", "manual",
        "min_ttft", "power_of_two", "prefix_hash",     "random", "round_robin", "slo"};
    s_.gateway.policy = kPolicies[below(kPolicies.size())];
    s_.gateway.decode_policy = kPolicies[below(kPolicies.size())];
  }

  void draw_limits() {
    live::GatewaySettings& g = s_.gateway;
    g.health.enabled = chance(0.5);
    g.health.interval = seconds(1) + up_to(seconds(10));
    g.health.timeout = milliseconds(500) + up_to(seconds(3));
    g.health.failures_to_fall = 1 + static_cast<int>(below(3));
    g.health.successes_to_rise = 1 + static_cast<int>(below(2));
    g.breaker.enabled = chance(0.8);
    g.breaker.failures_to_open = 1 + static_cast<int>(below(6));
    g.breaker.successes_to_close = 1 + static_cast<int>(below(3));
    g.breaker.open_for = milliseconds(200) + up_to(seconds(5));
    g.retry.attempts_max = 1 + static_cast<int>(below(5));
    g.retry.backoff_max = seconds(1);
    g.connect_timeout = milliseconds(500) + up_to(seconds(5));
    g.head_timeout = seconds(5);
    g.shutdown_grace = seconds(5);
    g.explain = chance(0.3);
    g.request_timeout = seconds(60);
    s_.client_timeout = seconds(120);
    if (s_.calm) {
      g.health.timeout = seconds(8);
      g.connect_timeout = seconds(8);
      s_.room_timeout = seconds(20);
      return;
    }
    if (chance(0.5)) g.request_timeout = milliseconds(200) + up_to(seconds(20));
    if (chance(0.3)) s_.client_timeout = milliseconds(200) + up_to(seconds(30));
    if (chance(0.15)) g.upstreams_max = 1 + below(8);
    if (chance(0.1)) g.clients_max = 1 + below(8);
    if (!chance(0.3)) return;
    g.admission.concurrent_max = 1 + static_cast<int>(below(5));
    g.admission.queue_max = static_cast<int>(below(12));
    g.admission.queue_timeout = milliseconds(100) + up_to(seconds(5));
    if (chance(0.4)) g.admission.rate_per_s = 1 + static_cast<double>(below(20));
  }

  // Blocks are shared between prompts; a row in three is a turn of a conversation.
  void draw_traffic() {
    s_.requests = 2 + below(18);
    s_.streaming = chance(0.8);
    s_.chat = chance(0.6);
    s_.server_count = chance(0.5);
    if (chance(0.3)) s_.in_flight_max = 1 + static_cast<int>(below(6));
    const std::uint64_t spread_ms = 1 + below(4'000);
    bursts_ = chance(0.4);
    std::vector<std::pair<std::uint64_t, std::string>> rows;
    for (std::size_t i = 0; i < s_.requests; ++i) {
      const std::uint64_t at_ms = bursts_ ? below(4) * static_cast<std::uint64_t>(kBurstMs) + below(20) : below(spread_ms);
      const std::uint64_t input = 1 + below(chance(0.2) ? 1'500 : 100);
      std::string row = "{\"timestamp\": " + std::to_string(at_ms) + ", \"input_length\": " + std::to_string(input) +
                        ", \"output_length\": " + std::to_string(1 + below(chance(0.2) ? 40 : 6)) + ", \"hash_ids\": [";
      for (std::uint64_t block = 0; block * 512 < input; ++block) row += (block > 0 ? ", " : "") + std::to_string(below(12));
      row += "]";
      if (s_.chat && chance(0.35))
        row += ", \"session_id\": " + std::to_string(below(4)) + ", \"delay\": " + std::to_string(below(200));
      rows.emplace_back(at_ms, row + "}\n");
    }
    std::ranges::stable_sort(rows, {}, [](const auto& row) { return row.first; });
    for (const auto& [at, row] : rows) s_.rows += row;
  }

  // What must not be noticed.
  void draw_roughness() {
    FaultRates& r = s_.rates;
    if (chance(0.4)) r.small = random_.unit();
    if (chance(0.3)) r.narrow = random_.unit();
    if (chance(0.3)) r.slow = random_.unit();
    if (chance(0.5)) r.late_timers = random_.unit();
    r.ticking = chance(0.5);
    while (chance(0.7) && s_.mishaps.size() < 12) {
      const std::uint64_t pick = below(10);
      Mishap m;
      m.what = pick < 2 ? Mishap::What::pause : pick < 3 ? Mishap::What::clock_step : Mishap::What::close_idle;
      m.at = up_to(seconds(5));
      m.host = below(s_.workers.size() + (m.what == Mishap::What::pause ? 2 : 1));
      if (m.what == Mishap::What::close_idle && chance(0.4)) m.host = s_.workers.size();
      // Just when the connections are needed again.
      if (m.what == Mishap::What::close_idle && bursts_) {
        m.at = milliseconds(kBurstMs * static_cast<std::int64_t>(1 + below(3))) - up_to(milliseconds(150));
      }
      m.length = m.what == Mishap::What::clock_step ? up_to(seconds(7200)) - seconds(3600) : up_to(milliseconds(300));
      s_.mishaps.push_back(m);
    }
  }

  void draw_rates() {
    const auto rate = [&](double often) { return chance(0.3) ? random_.unit() * often : 0.0; };
    FaultRates& r = s_.rates;
    r.refuse = rate(0.3);
    r.lose = rate(0.2);
    r.reset = rate(0.5);
    r.close = rate(0.4);
    r.idle_break = rate(0.5);
    r.stall = rate(0.4);
    r.small = chance(0.3) ? random_.unit() : 0;
    r.narrow = chance(0.2) ? random_.unit() : 0;
    r.slow = chance(0.3) ? random_.unit() : 0;
    r.late_timers = rate(1);
    r.stall_most = chance(0.5) ? seconds(2) : seconds(20);
    r.ticking = chance(0.3);
  }

  void draw_mishaps() {
    using What = Mishap::What;
    while (chance(0.55) && s_.mishaps.size() < 8) {
      Mishap m;
      const std::uint64_t pick = below(100);
      m.what = pick < 25   ? What::kill
               : pick < 35 ? What::vanish
               : pick < 47 ? What::drain
               : pick < 67 ? What::pause
               : pick < 72 ? What::close_idle
               : pick < 77 ? What::clock_step
               : pick < 87 ? What::remove
               : pick < 92 ? What::flush
               : pick < 96 ? What::stop_sending
                           : What::cancel;
      m.at = up_to(seconds(5));
      m.host = below(s_.workers.size() + (m.what == What::pause ? 2 : m.what == What::close_idle ? 1 : 0));
      m.length = up_to(chance(0.7) ? seconds(1) : seconds(8));
      if (m.what == What::clock_step) m.length = up_to(seconds(7200)) - seconds(3600);
      s_.mishaps.push_back(m);
    }
  }

  static constexpr std::int64_t kBurstMs = 1'000;
  Random random_;
  bool bursts_ = false;  // of requests, a while apart
  Scenario s_;
};

std::string_view name_of(Mishap::What what) {
  constexpr std::array<std::string_view, 10> kNames{"kill",       "vanish", "drain", "pause",        "close idle",
                                                    "clock step", "remove", "flush", "stop sending", "cancel"};
  return kNames[static_cast<std::size_t>(what)];
}

}  // namespace

Scenario draw_scenario(std::uint64_t seed) { return Drawing(seed).draw(); }

std::string text_of(const Scenario& s) {
  std::string text = "seed " + std::to_string(s.seed) + (s.calm ? ", calm" : "") + ": workers";
  for (std::size_t i = 0; i < s.workers.size(); ++i) {
    text.append(" ").append(infbench::name_of(s.workers[i])).append(s.flaky == i ? " (flaky)" : "");
  }
  const auto ms = [](Duration d) { return std::to_string(d.ns / 1'000'000) + " ms"; };
  text += "; policy " + s.gateway.policy + ", " + s.gateway.decode_policy + "; " + std::to_string(s.requests) + " requests" +
          (s.streaming ? ", streaming" : "") + (s.chat ? ", chat" : "") + "; client " + ms(s.client_timeout) + ", gateway " +
          ms(s.gateway.request_timeout) + ", rooms " + ms(s.room_timeout) + "; attempts " +
          std::to_string(s.gateway.retry.attempts_max) + (s.gateway.health.enabled ? "; health checks" : "");
  if (s.gateway.admission.concurrent_max) text += "; at once " + std::to_string(*s.gateway.admission.concurrent_max);
  if (s.strangers > 0) text += "; strangers " + std::to_string(s.strangers);
  for (const Mishap& m : s.mishaps) {
    text.append("; ").append(name_of(m.what)).append(" ").append(std::to_string(m.host)).append(" at ").append(ms(m.at));
  }
  return text;
}

}  // namespace infbench::faults
