// The part of SectionReader that reads mappings of command-line flags against a program's table.
#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/scalar.h"
#include "recipe/section_reader.h"

namespace infbench::recipe {
namespace {

struct FlagRange {
  std::string_view name;
  Range range;
};

// Limits that the programs check themselves, but only after the GPUs are theirs; those of our gateway are in
// cli/options_route.cc and options_policy.cc. A simulation takes them from here.
constexpr auto kRanges = std::to_array<FlagRange>({
    {"balance-abs-threshold", {.least = 0, .most = 1e9}},
    {"balance-rel-threshold", {.least = 0, .most = 1e9}},
    {"block-size", {.least = 1, .most = 65536}},
    {"bucket-adjust-interval-secs", {.least = 1, .most = 1e6}},
    {"cache-threshold", {.least = 0, .most = 1}},
    {"cb-failure-threshold", {.least = 1, .most = 1e9}},
    {"cb-success-threshold", {.least = 1, .most = 1e9}},
    {"cb-timeout-duration-secs", {.least = 0, .most = 1e6}},
    {"cb-window-duration-secs", {.least = 0, .most = 1e6}},
    {"chunked-prefill-size", {.least = -1, .most = 1e9}},
    {"context-length", {.least = 1, .most = 1e9}},
    {"data-parallel-size", {.least = 1, .most = 32768}},
    {"decode-active-request-weight", {.least = 0, .most = 1e9}},
    {"decode-tp", {.least = 1, .most = 1024}},
    {"default-throughput", {.least = 1e-3, .most = 1e9}},
    {"eviction-interval-secs", {.least = 0, .most = 1e9}},
    {"gpu-memory-utilization", {.least = 0, .most = 1, .above = true}},
    {"hash-token-count", {.least = 1, .most = 1e9}},
    {"header-timeout-secs", {.least = 0.1, .most = 1e6}},
    {"health-check-interval-secs", {.least = 1, .most = 1e6}},
    {"health-check-timeout-secs", {.least = 1, .most = 1e6}},
    {"health-failure-threshold", {.least = 1, .most = 1e6}},
    {"health-success-threshold", {.least = 1, .most = 1e6}},
    {"hold-secs", {.least = 0, .most = 1e9}},
    {"itl-ms", {.least = 0, .most = 1e9}},
    {"kv-cache-utilization-scorer-weight", {.least = 0, .most = 1e9}},
    {"kv-overlap-score-credit", {.least = 0, .most = 1e9}},
    {"kv-overlap-score-credit-decay", {.least = 0, .most = 1e9}},
    {"kv-pressure-weight", {.least = 0, .most = 1e9}},
    {"kv-tokens", {.least = 0, .most = 1e12}},
    {"load-factor", {.least = 1, .most = 1e9}},
    {"load-poll-secs", {.least = 0, .most = 1e9}},
    {"lru-tokens", {.least = 1, .most = 1e12}},
    {"max-concurrent-requests", {.least = -1, .most = 1e9}},
    {"max-idle-secs", {.least = 0, .most = 1e9}},
    {"max-num-seqs", {.least = 1, .most = 1e9}},
    {"max-payload-size", {.least = 1, .most = 1e12}},
    {"max-prefill-tokens", {.least = 1, .most = 1e9}},
    {"max-running-requests", {.least = 1, .most = 1e9}},
    {"max-tree-size", {.least = 1, .most = 1e15}},
    {"mem-fraction-static", {.least = 0.01, .most = 1}},
    {"page-size", {.least = 1, .most = 65536}},
    {"pipeline-parallel-size", {.least = 1, .most = 32768}},
    {"prefill-load-scale", {.least = 0, .most = 1e9}},
    {"prefix-cache-scorer-weight", {.least = 0, .most = 1e9}},
    {"prefix-token-count", {.least = 1, .most = 1e9}},
    {"prefix-tokens-max", {.least = 1, .most = 1e9}},
    {"prometheus-port", {.least = 0, .most = 65535}},
    {"queue-scorer-weight", {.least = 0, .most = 1e9}},
    {"queue-size", {.least = 0, .most = 1e9}},
    {"queue-threshold", {.least = 0, .most = 1e9}},
    {"queue-timeout-secs", {.least = 1, .most = 1e6}},
    {"rate-limit-tokens-per-second", {.least = 1e-3, .most = 1e9}},
    {"request-timeout-secs", {.least = 1, .most = 1e6}},
    {"retry-backoff-multiplier", {.least = 1, .most = 1e3}},
    {"retry-initial-backoff-ms", {.least = 0, .most = 1e7}},
    {"retry-jitter-factor", {.least = 0, .most = 1}},
    {"retry-max-backoff-ms", {.least = 0, .most = 1e7}},
    {"retry-max-retries", {.least = 1, .most = 1000}},
    {"schedule-conservativeness", {.least = 0, .most = 1e9}},
    {"seed", {.least = 0}},
    {"shutdown-grace-period-secs", {.least = 0, .most = 1e6}},
    {"temperature", {.least = 0, .most = 1e9}},
    {"tensor-parallel-size", {.least = 1, .most = 32768}},
    {"time-scale", {.least = 1e-3, .most = 1e3}},
    {"tp", {.least = 1, .most = 1024}},
    {"ttft-ms", {.least = 0, .most = 1e9}},
    {"ttl-secs", {.least = 1, .most = 1e9}},
    {"worker-startup-check-interval", {.least = 0, .most = 1e6}},
    {"worker-startup-timeout-secs", {.least = 1, .most = 1e6}},
});

// Texts of which there are few.
struct FlagChoices {
  std::string_view name;
  std::array<std::string_view, 3> choices;
};
constexpr auto kChoices = std::to_array<FlagChoices>({
    {"assignment-mode", {"random", "min_load", "min_group"}},
    {"queue-policy", {"fcfs", "lcfs", "wspt"}},
});

std::string_view expected_of(FlagType type) {
  switch (type) {
    case FlagType::truth: return "true or false";
    case FlagType::integer: return "an integer";
    case FlagType::number: return "a number";
    case FlagType::text: return "a value";
    case FlagType::list: return "a value or a list of values";
  }
  return "a value";
}

template <typename... Ts>
bool is_one_of(const Value& value) {
  return (std::holds_alternative<Ts>(value.data) || ...);
}

bool fits(const Value& value, FlagType type) {
  if (type == FlagType::truth) return is_one_of<bool>(value);
  if (type == FlagType::integer) return is_one_of<std::int64_t>(value);
  if (type == FlagType::number) return is_one_of<std::int64_t, double>(value);
  const auto is_word = [](const Value& item) { return is_one_of<std::int64_t, double, std::string>(item); };
  if (is_word(value) || value.kind == Value::Kind::map) return true;
  return type == FlagType::list && !value.items.empty() && std::ranges::all_of(value.items, is_word);
}

}  // namespace

void SectionReader::read_flags(const Node& node, const std::string& path, const FlagTable& table, Flags& into) {
  std::vector<Flag> flags;
  for (const Entry& entry : node.entries) read_flag(entry, path, table, flags);
  into = Flags(std::move(flags));
}

void SectionReader::read_flag(const Entry& entry, const std::string& path, const FlagTable& table, std::vector<Flag>& flags) {
  Flag flag{canonical_flag(entry.key, table), {}, entry.place};
  const std::string flag_path = fmt::format("{}.{}", path, flag.name);
  const KnownFlag* known = table.find(flag.name);
  const auto refused = std::ranges::find(table.refused, flag.name, &RefusedFlag::name);
  if (refused != table.refused.end()) {
    findings_.add(entry.place, fmt::format("'{}' in {}: {} does not have it", entry.key, path, table.program),
                  std::string(refused->why));
    return;
  }
  if (known == nullptr) {
    const std::vector<std::string_view> names = table.names();
    const std::string_view meant = nearest(flag.name, names);
    if (!meant.empty()) spoil(fmt::format("{}.{}", path, meant));
    findings_.add(entry.place, fmt::format("unknown key '{}' in {}", entry.key, path),
                  meant.empty() ? fmt::format("{} has no such flag", table.program) : did_you_mean(flag.name, names));
    return;
  }
  if (table.is_planned(flag.name)) {
    findings_.add(entry.place, fmt::format("'{}' in {} is set by srtctl itself", entry.key, path), "remove it");
    return;
  }
  const auto first = std::ranges::find(flags, flag.name, &Flag::name);
  if (first != flags.end()) {
    // Written the same way twice it has been found already.
    findings_.add(
        entry.place, fmt::format("duplicate key '{}'", entry.key),
        fmt::format("{}'{}' stands on line {} already", first->name == entry.key ? "" : "as ", flag.name, first->place.line));
    spoil(flag_path);
    return;
  }
  if (read_value(entry.value, flag_path, flag.value) && flag_fits(flag, *known, flag_path, entry.value)) {
    flags.push_back(std::move(flag));
  }
}

bool SectionReader::read_value(const Node& node, const std::string& path, Value& into) {
  into.place = node.place;
  bool good = true;
  if (node.kind == Node::Kind::list) {
    into.kind = Value::Kind::list;
    for (const Node& item : node.items) good = read_value(item, path, into.items.emplace_back()) && good;
    return good;
  }
  if (node.kind == Node::Kind::map) {
    into.kind = Value::Kind::map;
    for (const Entry& entry : node.entries) {
      good = read_value(entry.value, fmt::format("{}.{}", path, entry.key), into.items.emplace_back()) && good;
      into.keys.push_back(entry.key);
    }
    return good;
  }
  Scalar scalar = classify(node);
  if (!scalar.doubt.empty()) {
    findings_.add(node.place, fmt::format("{}: expected a value, found {}", path, describe(node)), scalar.doubt);
    spoil(path);
    return false;
  }
  into = std::move(scalar.value);
  return true;
}

bool SectionReader::flag_fits(const Flag& flag, const KnownFlag& known, const std::string& path, const Node& node) {
  if (is_left_out(flag.value)) return true;
  if (!fits(flag.value, known.type)) {
    wrong_type(path, expected_of(known.type), node);
    return false;
  }
  if (const auto few = std::ranges::find(kChoices, flag.name, &FlagChoices::name); few != kChoices.end()) {
    const std::vector<std::string_view> words(few->choices.begin(), few->choices.end());
    const auto* word = std::get_if<std::string>(&flag.value.data);
    if (word != nullptr && std::ranges::find(words, *word) != words.end()) return true;
    findings_.add(node.place, fmt::format("{}: expected one of {}, found {}", path, fmt::join(words, ", "), describe(node)),
                  did_you_mean(node.text, words));
    spoil(path);
    return false;
  }
  const auto limit = std::ranges::find(kRanges, flag.name, &FlagRange::name);
  if (limit == kRanges.end()) return true;
  const auto* whole = std::get_if<std::int64_t>(&flag.value.data);
  const auto* number = std::get_if<double>(&flag.value.data);
  if (whole == nullptr && number == nullptr) return true;
  return in_range(path, limit->range, whole != nullptr ? static_cast<double>(*whole) : *number, node);
}

}  // namespace infbench::recipe
