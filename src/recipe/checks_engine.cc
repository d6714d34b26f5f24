// Engine flags against the workers: parallelism and GPUs, roles that have flags but no workers, one served name.
#include <array>
#include <span>
#include <string>

#include <fmt/format.h>

#include "recipe/checks.h"

namespace infbench::recipe {
namespace {

struct RoleKeys {
  Role role;
  std::string_view section;      // of backend.sglang_config or backend.vllm_config
  std::string_view environment;  // of backend
};
constexpr auto kRoles = std::to_array<RoleKeys>({
    {Role::prefill, "prefill", "prefill_environment"},
    {Role::decode, "decode", "decode_environment"},
    {Role::aggregated, "aggregated", "aggregated_environment"},
});

// The section of backend that has the flags of this recipe's engine.
std::string_view config_of(const Checked& checked) {
  return checked.recipe.backend.type == "vllm" ? "backend.vllm_config" : "backend.sglang_config";
}

std::string config(const Checked& checked, std::string_view section) {
  return fmt::format("{}.{}", config_of(checked), section);
}

const std::optional<KvEvents>& kv_events(const Backend& backend, Role role) {
  return role == Role::prefill  ? backend.prefill_kv_events
         : role == Role::decode ? backend.decode_kv_events
                                : backend.aggregated_kv_events;
}

// Settings of a role that the recipe has no workers of: they would be read by nobody.
void check_unused(const Checked& checked, const RoleKeys& keys, bool split) {
  const std::string hint = split ? "move it to prefill and decode, or remove it" : "move it to aggregated, or remove it";
  for (const std::string& path : {config(checked, keys.section), fmt::format("backend.{}", keys.environment),
                                  fmt::format("backend.kv_events_config.{}", keys.section)}) {
    if (!checked.given(path)) continue;
    checked.findings.add(
        checked.key_place(path),
        fmt::format("{} is used by no worker: this recipe has {} workers", path, split ? "prefill and decode" : "aggregated"),
        hint);
  }
}

// GPUs that one server takes: sglang shards over tensor and pipeline ranks; data parallelism multiplies them unless attention
// alone is data parallel (sglang 0.5.6). vLLM's context parallelism multiplies them too.
std::int64_t gpus_of_server(const Flags& flags) {
  const std::int64_t data = flags.truth("enable-dp-attention") ? 1 : flags.integer("data-parallel-size").value_or(1);
  return flags.integer("tensor-parallel-size").value_or(1) * flags.integer("pipeline-parallel-size").value_or(1) *
         flags.integer("prefill-context-parallel-size").value_or(1) * data;
}

// Whether all that the GPUs per worker follow from is in order.
bool size_is_fine(const Checked& checked, Role role) {
  const bool shares = role == Role::decode && checked.recipe.resources.decode_nodes.value_or(0) == 0;
  for (const std::string_view kind : {"", "prefill"}) {
    const std::string_view name = kind.empty() ? name_of(role) : kind;
    if (!kind.empty() && !shares) continue;
    for (const std::string& path : {fmt::format("resources.{}_nodes", name), fmt::format("resources.{}_workers", name),
                                    fmt::format("resources.gpus_per_{}", name)}) {
      if (!checked.fine(path)) return false;
    }
  }
  return checked.fine("resources.gpus_per_node");
}

void check_parallelism(const Checked& checked, const RoleKeys& keys) {
  const WorkerGroup group = checked.recipe.group(keys.role);
  const std::string section = config(checked, keys.section);
  constexpr std::array<std::string_view, 3> kSizes{"tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size"};
  for (const std::string_view size : kSizes) {
    if (!checked.fine(fmt::format("{}.{}", section, size))) return;
  }
  if (!size_is_fine(checked, keys.role) || group.gpus_per_worker < 1) return;
  const std::int64_t needs = gpus_of_server(*group.flags);
  if (needs == group.gpus_per_worker) return;
  const Flag* tensor = group.flags->find("tensor-parallel-size");
  const bool others = needs != group.flags->integer("tensor-parallel-size").value_or(1);
  const std::string_view default_note = tensor == nullptr ? " (the default)" : "";
  checked.findings.add(
      tensor != nullptr ? tensor->value.place : checked.key_place(section),
      fmt::format("{}: tensor-parallel-size {}{}{} uses {} GPU{}, but each worker has {}", section,
                  group.flags->integer("tensor-parallel-size").value_or(1), default_note,
                  others ? " with the other parallel sizes" : "", needs, needs == 1 ? "" : "s", group.gpus_per_worker),
      fmt::format("make them equal: change tensor-parallel-size, {0}_workers or gpus_per_{0}", name_of(keys.role)));
}

void check_chunk(const Checked& checked, const RoleKeys& keys, const Flags& flags) {
  const Flag* chunk = flags.find("chunked-prefill-size");
  const auto size = flags.integer("chunked-prefill-size");
  if (!size.has_value() || *size == -1) return;
  const std::string path = config(checked, keys.section) + ".chunked-prefill-size";
  if (*size < 1) {
    checked.findings.add(chunk->value.place,
                         fmt::format("{}: expected a number above 0, or -1 for no chunks, found {}", path, *size));
    return;
  }
  const std::int64_t page = flags.integer("page-size").value_or(1);
  if (*size % page == 0) return;
  checked.findings.add(chunk->value.place, fmt::format("{}: expected a multiple of page-size {}, found {}", path, page, *size));
}

// The reference's recipes say the mode here as well; the plan sets it, so it may only agree.
void check_mode(const Checked& checked, const RoleKeys& keys, const Flags& flags) {
  const Flag* mode = flags.find("disaggregation-mode");
  if (mode == nullptr || is_left_out(mode->value) ||
      (keys.role != Role::aggregated && flags.text("disaggregation-mode") == keys.section))
    return;
  const std::string path = config(checked, keys.section) + ".disaggregation-mode";
  const std::string what = keys.role == Role::aggregated
                               ? path + " is for prefill and decode workers only"
                               : fmt::format("{}: expected '{}', found {}", path, keys.section, to_json(mode->value));
  checked.findings.add(mode->value.place, what, "remove it: srtctl sets it");
}

void check_served_name(const Checked& checked, const RoleKeys& keys, const Flags& flags) {
  const Flag* name = flags.find("served-model-name");
  if (name == nullptr || is_left_out(name->value)) return;
  const std::string path = config(checked, keys.section) + ".served-model-name";
  const bool several = checked.recipe.backend.type == "vllm" && name->value.kind == Value::Kind::list;
  if (!several && !flags.text("served-model-name").has_value()) {
    checked.findings.add(name->value.place, fmt::format("{}: expected text, found {}", path, to_json(name->value)));
    return;
  }
  if (keys.role != Role::decode || checked.recipe.served_model_name() == *flags.text("served-model-name")) return;
  checked.findings.add(name->value.place,
                       fmt::format("{}: decode workers serve '{}', prefill workers '{}'", path,
                                   *flags.text("served-model-name"), checked.recipe.served_model_name()),
                       "give both the same name");
}

void check_variables(const Checked& checked, const StringMap& variables, const std::string& path) {
  for (const auto& [name, value] : variables) {
    if (name != "CUDA_VISIBLE_DEVICES") continue;
    checked.findings.add(checked.key_place(fmt::format("{}.{}", path, name)),
                         fmt::format("'{}' in {} is set by srtctl itself", name, path), "remove it");
  }
}

void check_role(const Checked& checked, const RoleKeys& keys, bool split) {
  check_variables(checked, *checked.recipe.group(keys.role).environment, fmt::format("backend.{}", keys.environment));
  if (split != (keys.role != Role::aggregated)) return check_unused(checked, keys, split);
  const std::string section = config(checked, keys.section);
  if (!checked.fine(section)) return;
  if (!checked.given(section)) {
    if (!checked.complete) return;
    checked.findings.add(checked.key_place(section), fmt::format("missing key '{}' in {}", keys.section, config_of(checked)),
                         "add it: without it the workers start without any flags");
    return;
  }
  const Flags& flags = *checked.recipe.group(keys.role).flags;
  check_parallelism(checked, keys);
  check_chunk(checked, keys, flags);
  check_mode(checked, keys, flags);
  check_served_name(checked, keys, flags);
  const Flag* events = flags.find("kv-events-config");
  if (events != nullptr && kv_events(checked.recipe.backend, keys.role).has_value()) {
    checked.findings.add(events->place, fmt::format("{}.kv-events-config is set by backend.kv_events_config as well", section),
                         "keep one of them");
  }
}

// The flags belong to the engine that there is. False: nothing can be said about them.
bool check_config(const Checked& checked) {
  const bool vllm = checked.recipe.backend.type == "vllm";
  const std::string_view wanted = config_of(checked);
  const std::string_view other = vllm ? "backend.sglang_config" : "backend.vllm_config";
  if (checked.given(other)) {
    checked.findings.add(checked.key_place(other),
                         fmt::format("{} is of another engine: backend.type is {}", other, checked.recipe.backend.type),
                         fmt::format("remove it, or set backend.type to {}", vllm ? "sglang" : "vllm"));
  }
  if (!checked.fine(wanted)) return false;
  if (checked.given(wanted)) return true;
  if (checked.complete) {
    checked.findings.add(checked.key_place(wanted),
                         fmt::format("missing key '{}' in backend", wanted.substr(wanted.find('.') + 1)),
                         "add it: it has the server flags of the workers");
  }
  return false;
}

void check_time_scale(const Checked& checked) {
  if (!checked.given("engine.time_scale") || !checked.fine("backend.type") || checked.recipe.backend.type == "model") return;
  checked.findings.add(checked.key_place("engine.time_scale"),
                       fmt::format("engine.time_scale is for backend.type model only, found {}", checked.recipe.backend.type),
                       "remove it, or set backend.type to model");
}

}  // namespace

void check_engine(const Checked& checked) {
  check_variables(checked, checked.recipe.environment, "environment");
  check_time_scale(checked);
  if (!checked.given("backend") || !checked.fine("backend.type") || !checked.fine("backend")) return;
  const bool config_is_there = check_config(checked);
  if (!checked.fine("resources")) return;
  const bool split = asks_disaggregated(checked);
  if (asks_aggregated(checked) == split) return;  // neither or both: reported already
  if (split && checked.recipe.backend.type == "vllm") {
    checked.findings.add(
        checked.value_place("backend.type"),
        "backend.type 'vllm' is not supported with prefill and decode workers: only its aggregated workers are",
        "ask for aggregated workers, or use sglang");
    return;
  }
  if (!config_is_there) return;
  for (const RoleKeys& keys : kRoles) check_role(checked, keys, split);
}

}  // namespace infbench::recipe
