// The settings that a Gateway's choices depend on, one by one with the names they have in the decision log. Writer and reader
// of the log go through this one list.
#pragma once

#include "live/gateway_settings.h"

namespace infbench::live {

// `visit(name, field)` for each; `settings` may be const.
template <class Settings, class Visit>
void for_each_logged_setting(Settings& settings, Visit&& visit) {
  visit("seed", settings.seed);
  visit("disaggregated", settings.disaggregated);
  visit("policy", settings.policy);
  visit("prefill_policy", settings.prefill_policy);
  visit("decode_policy", settings.decode_policy);
  auto& p = settings.parameters;
  visit("cache_threshold", p.cache_threshold);
  visit("balance_abs_threshold", p.balance_abs_threshold);
  visit("balance_rel_threshold", p.balance_rel_threshold);
  visit("max_tree_size", p.max_tree_size);
  visit("eviction_interval_ns", p.eviction_interval);
  visit("assignment_mode", p.assignment_mode);
  visit("max_idle_ns", p.max_idle);
  visit("bucket_adjust_interval_ns", p.bucket_adjust_interval);
  visit("load_poll_ns", p.load_poll);
  visit("prefix_token_count", p.prefix_token_count);
  visit("load_factor", p.load_factor);
  visit("hash_token_count", p.hash_token_count);
  visit("drain_tokens_per_s", p.drain_tokens_per_s);
  visit("kv_pressure_weight", p.kv_pressure_weight);
  visit("overlap_credit", p.overlap_credit);
  visit("overlap_credit_decay", p.overlap_credit_decay);
  visit("prefill_load_scale", p.prefill_load_scale);
  visit("active_request_weight", p.active_request_weight);
  visit("temperature", p.temperature);
  visit("queue_threshold", p.queue_threshold);
  visit("queue_order", p.queue_order);
  visit("use_kv_events", p.use_kv_events);
  visit("approximate_ttl_ns", p.approximate_ttl);
  visit("queue_weight", p.queue_weight);
  visit("kv_weight", p.kv_weight);
  visit("prefix_weight", p.prefix_weight);
  visit("prefix_tokens_max", p.prefix_tokens_max);
  visit("lru_tokens", p.lru_tokens);
  visit("hold_most_ns", p.hold_most);
  visit("chunk", p.chunk);
  visit("slo_ttft_ns", settings.slo.ttft);
  visit("slo_itl_ns", settings.slo.itl);
  auto& h = settings.health;
  visit("health_enabled", h.enabled);
  visit("health_interval_ns", h.interval);
  visit("health_timeout_ns", h.timeout);
  visit("health_failures_to_fall", h.failures_to_fall);
  visit("health_successes_to_rise", h.successes_to_rise);
  visit("health_startup_timeout_ns", h.startup_timeout);
  auto& b = settings.breaker;
  visit("breaker_enabled", b.enabled);
  visit("breaker_failures_to_open", b.failures_to_open);
  visit("breaker_successes_to_close", b.successes_to_close);
  visit("breaker_open_for_ns", b.open_for);
  visit("breaker_window_ns", b.window);
  auto& r = settings.retry;
  visit("retry_attempts_max", r.attempts_max);
  visit("retry_backoff_first_ns", r.backoff_first);
  visit("retry_backoff_max_ns", r.backoff_max);
  visit("retry_backoff_factor", r.backoff_factor);
  visit("retry_jitter", r.jitter);
  auto& a = settings.admission;
  visit("concurrent_max", a.concurrent_max);
  visit("queue_max", a.queue_max);
  visit("queue_timeout_ns", a.queue_timeout);
  visit("rate_per_s", a.rate_per_s);
  visit("request_timeout_ns", settings.request_timeout);
}

}  // namespace infbench::live
