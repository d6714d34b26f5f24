// The flags of the routers: sglang-router 0.3.2 (names and types as its argument parser declares them) and our own gateway.
#include <array>

#include "recipe/known_flags.h"

namespace infbench::recipe {
namespace {

constexpr auto kSglangRouter = std::to_array<KnownFlag>({
    {"api-key", FlagType::text},
    {"assignment-mode", FlagType::text},
    {"backend", FlagType::text},
    {"balance-abs-threshold", FlagType::integer},
    {"balance-rel-threshold", FlagType::number},
    {"bucket-adjust-interval-secs", FlagType::integer},
    {"ca-cert-paths", FlagType::list},
    {"cache-threshold", FlagType::number},
    {"cb-failure-threshold", FlagType::integer},
    {"cb-success-threshold", FlagType::integer},
    {"cb-timeout-duration-secs", FlagType::integer},
    {"cb-window-duration-secs", FlagType::integer},
    {"chat-template", FlagType::text},
    {"client-cert-path", FlagType::text},
    {"client-key-path", FlagType::text},
    {"control-plane-api-keys", FlagType::list},
    {"control-plane-audit-enabled", FlagType::truth},
    {"cors-allowed-origins", FlagType::list},
    {"decode", FlagType::text},
    {"decode-policy", FlagType::text},
    {"decode-selector", FlagType::list},
    {"disable-circuit-breaker", FlagType::truth},
    {"disable-health-check", FlagType::truth},
    {"disable-retries", FlagType::truth},
    {"dp-aware", FlagType::truth},
    {"enable-igw", FlagType::truth},
    {"enable-trace", FlagType::truth},
    {"eviction-interval-secs", FlagType::integer},
    {"health-check-endpoint", FlagType::text},
    {"health-check-interval-secs", FlagType::integer},
    {"health-check-timeout-secs", FlagType::integer},
    {"health-failure-threshold", FlagType::integer},
    {"health-success-threshold", FlagType::integer},
    {"history-backend", FlagType::text},
    {"host", FlagType::text},
    {"jwt-audience", FlagType::text},
    {"jwt-issuer", FlagType::text},
    {"jwt-jwks-uri", FlagType::text},
    {"jwt-role-mapping", FlagType::list},
    {"log-dir", FlagType::text},
    {"log-level", FlagType::text},
    {"max-concurrent-requests", FlagType::integer},
    {"max-idle-secs", FlagType::integer},
    {"max-payload-size", FlagType::integer},
    {"max-tree-size", FlagType::integer},
    {"mcp-config-path", FlagType::text},
    {"mini-lb", FlagType::truth},
    {"model-path", FlagType::text},
    {"oracle-connect-descriptor", FlagType::text},
    {"oracle-password", FlagType::text},
    {"oracle-pool-max", FlagType::integer},
    {"oracle-pool-min", FlagType::integer},
    {"oracle-pool-timeout-secs", FlagType::integer},
    {"oracle-tns-alias", FlagType::text},
    {"oracle-username", FlagType::text},
    {"oracle-wallet-path", FlagType::text},
    {"otlp-traces-endpoint", FlagType::text},
    {"pd-disaggregation", FlagType::truth},
    {"policy", FlagType::text},
    {"port", FlagType::integer},
    {"postgres-db-url", FlagType::text},
    {"postgres-pool-max", FlagType::integer},
    {"prefill", FlagType::list},
    {"prefill-policy", FlagType::text},
    {"prefill-selector", FlagType::list},
    {"prometheus-duration-buckets", FlagType::list},
    {"prometheus-host", FlagType::text},
    {"prometheus-port", FlagType::integer},
    {"queue-size", FlagType::integer},
    {"queue-timeout-secs", FlagType::integer},
    {"rate-limit-tokens-per-second", FlagType::integer},
    {"reasoning-parser", FlagType::text},
    {"redis-pool-max", FlagType::integer},
    {"redis-retention-days", FlagType::integer},
    {"redis-url", FlagType::text},
    {"request-id-headers", FlagType::list},
    {"request-timeout-secs", FlagType::integer},
    {"retry-backoff-multiplier", FlagType::number},
    {"retry-initial-backoff-ms", FlagType::integer},
    {"retry-jitter-factor", FlagType::number},
    {"retry-max-backoff-ms", FlagType::integer},
    {"retry-max-retries", FlagType::integer},
    {"selector", FlagType::list},
    {"service-discovery", FlagType::truth},
    {"service-discovery-namespace", FlagType::text},
    {"service-discovery-port", FlagType::integer},
    {"shutdown-grace-period-secs", FlagType::integer},
    {"tls-cert-path", FlagType::text},
    {"tls-key-path", FlagType::text},
    {"tokenizer-cache-enable-l0", FlagType::truth},
    {"tokenizer-cache-enable-l1", FlagType::truth},
    {"tokenizer-cache-l0-max-entries", FlagType::integer},
    {"tokenizer-cache-l1-max-memory", FlagType::integer},
    {"tokenizer-path", FlagType::text},
    {"tool-call-parser", FlagType::text},
    {"worker-startup-check-interval", FlagType::integer},
    {"worker-startup-timeout-secs", FlagType::integer},
    {"worker-urls", FlagType::list},
});

constexpr auto kSrtctlRoute = std::to_array<KnownFlag>({
    {"balance-abs-threshold", FlagType::integer},
    {"balance-rel-threshold", FlagType::number},
    {"cache-threshold", FlagType::number},
    {"decode", FlagType::list},
    {"decode-policy", FlagType::text},
    {"host", FlagType::text},
    {"pd-disaggregation", FlagType::truth},
    {"policy", FlagType::text},
    {"port", FlagType::integer},
    {"prefill", FlagType::list},
    {"prefill-policy", FlagType::text},
    {"worker-urls", FlagType::list},
});

constexpr auto kPlanned = std::to_array<std::string_view>({
    "decode",
    "host",
    "pd-disaggregation",
    "port",
    "prefill",
    "worker-urls",
});

}  // namespace

const FlagTable& sglang_router_flags() {
  static constexpr FlagTable kTable{"sglang-router 0.3.2", kSglangRouter, {}, kPlanned};
  return kTable;
}

const FlagTable& srtctl_route_flags() {
  static constexpr FlagTable kTable{"srtctl route", kSrtctlRoute, {}, kPlanned};
  return kTable;
}

}  // namespace infbench::recipe
