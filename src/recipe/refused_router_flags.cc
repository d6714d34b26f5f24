// The flags of sglang-router 0.3.2 that srtctl route refuses by name, on its command line and in recipes.
#include <array>
#include <vector>

#include "recipe/known_flags.h"

namespace infbench::recipe {
namespace {

constexpr std::string_view kKubernetes =
    "workers are given by --worker-urls or POST /workers, there is no Kubernetes discovery";
constexpr std::string_view kDatabase = "responses are not stored";
constexpr std::string_view kControl = "there is one key, --api-key";
constexpr std::string_view kTls = "workers are spoken to without TLS";
constexpr std::string_view kParsers = "answers are passed on as they are";

constexpr auto kRefused = std::to_array<RefusedFlag>({
    {"backend", "workers are reached over HTTP only"},
    {"ca-cert-paths", kTls},
    {"chat-template", "prompts are compared as text"},
    {"client-cert-path", kTls},
    {"client-key-path", kTls},
    {"control-plane-api-keys", kControl},
    {"control-plane-audit-enabled", kControl},
    {"cors-allowed-origins", "browsers are not served"},
    {"decode-selector", kKubernetes},
    {"dp-aware", "data parallel ranks are not told apart"},
    {"enable-igw", "one model is served"},
    {"enable-trace", "there is no tracing"},
    {"history-backend", kDatabase},
    {"jwt-audience", kControl},
    {"jwt-issuer", kControl},
    {"jwt-jwks-uri", kControl},
    {"jwt-role-mapping", kControl},
    {"log-dir", "it writes to standard output and error"},
    {"mcp-config-path", "tools are not called"},
    {"mini-lb", "there is one gateway"},
    {"model-path", "prompts are compared as text"},
    {"oracle-connect-descriptor", kDatabase},
    {"oracle-password", kDatabase},
    {"oracle-pool-max", kDatabase},
    {"oracle-pool-min", kDatabase},
    {"oracle-pool-timeout-secs", kDatabase},
    {"oracle-tns-alias", kDatabase},
    {"oracle-username", kDatabase},
    {"oracle-wallet-path", kDatabase},
    {"otlp-traces-endpoint", "there is no tracing"},
    {"postgres-db-url", kDatabase},
    {"postgres-pool-max", kDatabase},
    {"prefill-selector", kKubernetes},
    {"prometheus-duration-buckets", "buckets are fixed"},
    {"reasoning-parser", kParsers},
    {"redis-pool-max", kDatabase},
    {"redis-retention-days", kDatabase},
    {"redis-url", kDatabase},
    {"selector", kKubernetes},
    {"service-discovery", kKubernetes},
    {"service-discovery-namespace", kKubernetes},
    {"service-discovery-port", kKubernetes},
    {"tokenizer-cache-enable-l0", "prompts are compared as text"},
    {"tokenizer-cache-enable-l1", "prompts are compared as text"},
    {"tokenizer-cache-l0-max-entries", "prompts are compared as text"},
    {"tokenizer-cache-l1-max-memory", "prompts are compared as text"},
    {"tokenizer-path", "prompts are compared as text"},
    {"tool-call-parser", kParsers},
});

}  // namespace

std::span<const RefusedFlag> refused_router_flags() { return kRefused; }

std::span<const RefusedFlag> refused_in_recipes() {
  static const std::vector<RefusedFlag> all = [] {
    constexpr std::string_view kPlainClient = "the benchmark's client speaks plain HTTP to it";
    std::vector<RefusedFlag> flags(kRefused.begin(), kRefused.end());
    flags.push_back({"tls-cert-path", kPlainClient});
    flags.push_back({"tls-key-path", kPlainClient});
    return flags;
  }();
  return all;
}

}  // namespace infbench::recipe
