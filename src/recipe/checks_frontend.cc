// The frontend: one router, and a policy that this router has.
#include <algorithm>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "recipe/checks.h"
#include "recipe/policies.h"
#include "recipe/text_rules.h"

namespace infbench::recipe {
namespace {

void check_single(const Checked& checked) {
  constexpr std::string_view kPath = "frontend.enable_multiple_frontends";
  if (!checked.fine(kPath) || !checked.recipe.frontend.enable_multiple_frontends) return;
  if (!checked.given(kPath) && !checked.complete) return;
  checked.findings.add(checked.value_place(kPath),
                       fmt::format("{}: several routers behind nginx{} are not supported yet", kPath,
                                   checked.given(kPath) ? "" : " (the default)"),
                       "write enable_multiple_frontends: false");
}

void check_policy(const Checked& checked, const Flag& flag, bool prefill) {
  const std::string path = "frontend.args." + flag.name;
  const std::string& type = checked.recipe.frontend.type;
  const std::vector<std::string_view> known = policies_of(type, prefill);
  const auto* name = std::get_if<std::string>(&flag.value.data);
  if (name == nullptr) {
    if (is_left_out(flag.value)) return;
    checked.findings.add(flag.value.place,
                         fmt::format("{}: expected the name of a policy, found {}", path, to_json(flag.value)),
                         fmt::format("one of {}", fmt::join(known, ", ")));
    return;
  }
  if (std::ranges::find(known, *name) != known.end()) return;
  const PolicyInfo* policy = find_policy(*name);
  if (policy == nullptr) {
    checked.findings.add(flag.value.place,
                         fmt::format("{}: expected one of {}, found '{}'", path, fmt::join(known, ", "), *name),
                         did_you_mean(*name, known));
    return;
  }
  std::string hint = fmt::format("use one of {}", fmt::join(known, ", "));
  if (type == "sglang" && policy->sglang_prefill && checked.recipe.disaggregated())
    hint = "give it as prefill-policy, or " + hint;
  if (type == "sglang" && policy->srtctl) hint = "set frontend.type to srtctl, or " + hint;
  if (type == "srtctl" && policy->sglang) hint = "set frontend.type to sglang, or " + hint;
  checked.findings.add(flag.value.place,
                       fmt::format("{}: a frontend of type {} does not have the policy '{}' here", path, type, *name),
                       std::move(hint));
}

// The rate is one of bursts, whose size is the other flag's.
void check_rate_limit(const Checked& checked) {
  const Flags& args = checked.recipe.frontend.args;
  const Flag* rate = args.find("rate-limit-tokens-per-second");
  if (rate == nullptr || is_left_out(rate->value) || args.integer("max-concurrent-requests").value_or(-1) >= 0) return;
  checked.findings.add(rate->place, "frontend.args.rate-limit-tokens-per-second needs max-concurrent-requests, found none",
                       "add it: requests start at that rate in bursts of so many");
}

// Our launcher and client have to know it too, and it goes into a header as it is.
void check_api_key(const Checked& checked) {
  const Flag* key = checked.recipe.frontend.args.find("api-key");
  if (key == nullptr || is_left_out(key->value)) return;
  const auto* text = std::get_if<std::string>(&key->value.data);
  const std::string_view expected = check_key(text != nullptr ? *text : std::string_view{});
  if (!expected.empty()) {
    checked.findings.add(key->value.place, fmt::format("frontend.args.api-key: {}", expected),
                         text != nullptr ? "" : "write it in quotes");
  }
}

}  // namespace

void check_frontend(const Checked& checked) {
  if (!checked.given("frontend") || !checked.fine("frontend")) return;
  check_single(checked);
  if (!checked.fine("frontend.type") || !checked.fine("frontend.args") || !checked.given("frontend.type")) return;
  check_rate_limit(checked);
  check_api_key(checked);
  for (const Flag& flag : checked.recipe.frontend.args) {
    const bool of_pairs = flag.name == "prefill-policy" || flag.name == "decode-policy";
    if (flag.name != "policy" && !of_pairs) continue;
    check_policy(checked, flag, flag.name == "prefill-policy");
    if (!of_pairs || !asks_aggregated(checked)) continue;
    checked.findings.add(flag.place,
                         fmt::format("frontend.args.{} is used by no worker: this recipe has aggregated workers", flag.name),
                         "give it as policy");
  }
}

}  // namespace infbench::recipe
