#include "cli/options_policy.h"

#include <CLI/CLI.hpp>

#include <array>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

#include "cli/options_rules.h"
#include "route/factory.h"

namespace infbench::cli {
namespace {

using P = route::PolicyParameters;

// A Duration is given in whole seconds; of the names of a mode, factory.h knows the values.
using Member =
    std::variant<double P::*, std::int64_t P::*, Duration P::*, bool P::*, P::AssignmentMode P::*, P::QueueOrder P::*>;

struct PolicyFlag {
  const char* name;
  Member member;
  const char* what;
  double least = 0;
  double most = 1e9;
};

constexpr auto kFlags = std::to_array<PolicyFlag>({
    {"cache-threshold", &P::cache_threshold, "cache_aware: least share of the prompt that must match", 0, 1},
    {"balance-abs-threshold", &P::balance_abs_threshold, "cache_aware: loads further apart are an imbalance"},
    {"balance-rel-threshold", &P::balance_rel_threshold, "cache_aware: and with this ratio"},
    {"eviction-interval-secs", &P::eviction_interval, "cache_aware: seconds between evictions"},
    {"max-tree-size", &P::max_tree_size, "cache_aware: characters kept for a worker", 1, 1e15},
    {"assignment-mode", &P::assignment_mode, "manual: which worker a new routing key gets"},
    {"max-idle-secs", &P::max_idle, "manual: a key that was not used for so long is new again"},
    {"bucket-adjust-interval-secs", &P::bucket_adjust_interval, "bucket: between two settings of the ranges", 1, 1e6},
    {"load-poll-secs", &P::load_poll, "power_of_two: workers' tokens are as they were when asked last; 0: as they are"},
    {"prefix-token-count", &P::prefix_token_count, "prefix_hash: tokens of the prompt that are hashed", 1, 1e9},
    {"load-factor", &P::load_factor, "prefix_hash: most requests of a worker, in shares of the mean", 1, 1e9},
    {"hash-token-count", &P::hash_token_count, "consistent_hash: tokens that are hashed without a routing key", 1, 1e9},
    {"default-throughput", &P::drain_tokens_per_s, "least_load: prompt tokens that a worker computes per second", 1e-3, 1e9},
    {"kv-pressure-weight", &P::kv_pressure_weight, "least_load: seconds that KV in use counts for"},
    {"kv-overlap-score-credit", &P::overlap_credit, "kv: of a block that the worker has"},
    {"kv-overlap-score-credit-decay", &P::overlap_credit_decay, "kv: ... less with more prompts waiting there"},
    {"prefill-load-scale", &P::prefill_load_scale, "kv: weight of prompts to compute against KV in use"},
    {"decode-active-request-weight", &P::active_request_weight, "kv: blocks that a request counts for"},
    {"temperature", &P::temperature, "kv: above 0 the worker is drawn"},
    {"queue-threshold", &P::queue_threshold, "kv: requests wait while every worker has so many chunks to compute; 0: never"},
    {"queue-policy", &P::queue_order, "kv: who is first then"},
    {"no-kv-events", &P::use_kv_events, "kv: guess from what was sent there"},
    {"ttl-secs", &P::approximate_ttl, "kv: ... in the last seconds", 1, 1e9},
    {"queue-scorer-weight", &P::queue_weight, "llmd: weight of few requests waiting"},
    {"kv-cache-utilization-scorer-weight", &P::kv_weight, "llmd: of KV not in use"},
    {"prefix-cache-scorer-weight", &P::prefix_weight, "llmd: of a matching prefix"},
    {"prefix-tokens-max", &P::prefix_tokens_max, "llmd: tokens of a prompt that are looked at", 1, 1e9},
    {"lru-tokens", &P::lru_tokens, "llmd: tokens of prompts remembered for a worker", 1, 1e12},
    {"hold-secs", &P::hold_most, "slo: how long a request that misses a limit anyway may wait for the others"},
});

const std::vector<std::string> kModes{"random", "min_load", "min_group"};
const std::vector<std::string> kOrders{"fcfs", "lcfs", "wspt"};

std::string name_of(P::AssignmentMode mode) { return kModes[static_cast<std::size_t>(mode)]; }
std::string name_of(P::QueueOrder order) { return kOrders[static_cast<std::size_t>(order)]; }

// Adds one flag, by the type of what it sets.
struct Adder {
  CLI::App& app;
  P& parameters;
  const PolicyFlag& flag;

  CLI::Validator whole() const { return whole_number(std::llround(flag.least), static_cast<std::uint64_t>(flag.most)); }
  std::string names() const { return "--" + std::string(flag.name); }

  CLI::Option* operator()(double P::*member) const {
    const CLI::Validator range = number(flag.least, flag.most);
    return app.add_option(names(), parameters.*member, flag.what)->capture_default_str()->check(range);
  }
  CLI::Option* operator()(std::int64_t P::*member) const {
    return app.add_option(names(), parameters.*member, flag.what)->capture_default_str()->check(whole());
  }
  CLI::Option* operator()(Duration P::*member) const {
    const auto set = [&into = parameters.*member](const std::int64_t& value) { into = seconds(value); };
    return app.add_option_function<std::int64_t>(names(), set, flag.what)
        ->default_str(std::to_string((parameters.*member).ns / seconds(1).ns))
        ->check(whole());
  }
  CLI::Option* operator()(bool P::*member) const {  // --no-...
    const auto set = [&into = parameters.*member](std::int64_t) { into = false; };
    return app.add_flag_function(names(), set, flag.what);
  }
  CLI::Option* operator()(P::AssignmentMode P::*member) const {
    const auto set = [&into = parameters.*member](const std::string& name) { into = *route::assignment_mode(name); };
    return app.add_option_function<std::string>(names(), set, flag.what)
        ->default_str(name_of(parameters.*member))
        ->check(one_of(kModes));
  }
  CLI::Option* operator()(P::QueueOrder P::*member) const {
    const auto set = [&into = parameters.*member](const std::string& name) { into = *route::queue_order(name); };
    return app.add_option_function<std::string>(names(), set, flag.what)
        ->default_str(name_of(parameters.*member))
        ->check(one_of(kOrders));
  }
};

// Reads one from a recipe.
struct Reader {
  const recipe::Flags& args;
  P& parameters;
  const char* name;

  void operator()(double P::*member) const { parameters.*member = args.number(name).value_or(parameters.*member); }
  void operator()(std::int64_t P::*member) const { parameters.*member = args.integer(name).value_or(parameters.*member); }
  void operator()(Duration P::*member) const {
    if (const auto value = args.integer(name)) parameters.*member = seconds(*value);
  }
  void operator()(bool P::*member) const {
    if (args.truth(name)) parameters.*member = false;
  }
  void operator()(P::AssignmentMode P::*member) const {
    if (const auto value = route::assignment_mode(args.text(name).value_or(""))) parameters.*member = *value;
  }
  void operator()(P::QueueOrder P::*member) const {
    if (const auto value = route::queue_order(args.text(name).value_or(""))) parameters.*member = *value;
  }
};

}  // namespace

void add_policy_flags(CLI::App& app, route::PolicyParameters& parameters) {
  for (const PolicyFlag& flag : kFlags) std::visit(Adder{app, parameters, flag}, flag.member)->group("Policy");
}

void read_policy_flags(const recipe::Flags& args, route::PolicyParameters& parameters) {
  for (const PolicyFlag& flag : kFlags) std::visit(Reader{args, parameters, flag.name}, flag.member);
}

}  // namespace infbench::cli
