// The measurement: which fields belong to the benchmark's type and client, and what each type cannot do without.
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/checks.h"
#include "recipe/secrets.h"

namespace infbench::recipe {
namespace {

bool has(Names names, std::string_view wanted) { return std::ranges::find(names, wanted) != names.end(); }

// A field that nothing would read.
void check_owner(const Checked& checked, const BoundField& field) {
  const Benchmark& benchmark = checked.recipe.benchmark;
  const std::string path = fmt::format("benchmark.{}", field.key);
  if (!checked.given(path)) return;
  if (!field.rule.types.empty() && !has(field.rule.types, benchmark.type)) {
    checked.findings.add(checked.key_place(path),
                         fmt::format("{} belongs to benchmark.type {}, found type {}", path,
                                     fmt::join(field.rule.types, " or "), benchmark.type),
                         "remove it, or change the type");
    return;
  }
  // A type without a choice of clients has one of its own.
  const auto client = std::ranges::find(checked.schema_of("benchmark").fields, "client", &BoundField::key);
  if (field.rule.client.empty() || field.rule.client == benchmark.client || !has(client->rule.types, benchmark.type)) return;
  if (!checked.fine("benchmark.client")) return;
  checked.findings.add(checked.key_place(path),
                       fmt::format("{} belongs to benchmark.client {}, found client {}{}", path, field.rule.client,
                                   benchmark.client, checked.given("benchmark.client") ? "" : " (the default)"),
                       fmt::format("remove it, or set benchmark.client to {}", field.rule.client));
}

void check_needed(const Checked& checked, const BoundField& field) {
  const std::string path = fmt::format("benchmark.{}", field.key);
  if (!has(field.rule.needed_by, checked.recipe.benchmark.type) || checked.given(path) || !checked.complete) return;
  if (!checked.fine(path)) return;
  checked.findings.add(checked.key_place(path),
                       fmt::format("missing key '{}' in benchmark of type {}", field.key, checked.recipe.benchmark.type),
                       fmt::format("add it: {}", field.rule.doc));
}

bool has_key(const Flags& args) {
  const auto tells = [](const Value& value) {
    const auto* text = std::get_if<std::string>(&value.data);
    return text != nullptr && has_credentials(*text);
  };
  return std::ranges::any_of(args, [&](const Flag& flag) {
    if (is_left_out(flag.value)) return false;
    return flag.name == "api-key" || tells(flag.value) || std::ranges::any_of(flag.value.items, tells);
  });
}

// Our own client is given the router's key; aiperf takes one only from its command line, where everybody on the node can read
// it.
void check_key_of_aiperf(const Checked& checked) {
  const Recipe& recipe = checked.recipe;
  if (recipe.benchmark.client != "aiperf" || !checked.given("benchmark.client") || !checked.fine("benchmark.aiperf_args"))
    return;
  if (!checked.fine("frontend.args") || !recipe.frontend.args.text("api-key") || has_key(recipe.benchmark.aiperf_args)) return;
  checked.findings.add(checked.value_place("benchmark.client"),
                       "benchmark.client: the router asks for frontend.args.api-key, which aiperf is not given",
                       "add api-key to benchmark.aiperf_args, where it can be read in the list of processes, or measure with "
                       "client: srtctl");
}

}  // namespace

void check_benchmark(const Checked& checked) {
  if (!checked.fine("benchmark.type") || !checked.given("benchmark")) return;
  for (const BoundField& field : checked.schema_of("benchmark").fields) {
    check_owner(checked, field);
    check_needed(checked, field);
  }
  check_key_of_aiperf(checked);
  const bool on_decode = checked.recipe.benchmark.client_placement == "last_decode";
  if (!on_decode || asks_disaggregated(checked) || !asks_aggregated(checked)) return;
  checked.findings.add(checked.value_place("benchmark.client_placement"),
                       "benchmark.client_placement: there are no decode workers, found 'last_decode'", "write head");
}

}  // namespace infbench::recipe
