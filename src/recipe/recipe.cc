#include "recipe/recipe.h"

#include <array>

#include "base/check.h"

namespace infbench::recipe {
namespace {

const Flags& no_flags() {
  static const Flags kNone;
  return kNone;
}

const Flags* flags_or_none(const std::optional<Flags>& flags) { return flags.has_value() ? &*flags : &no_flags(); }

std::int64_t gpus_each(const std::optional<std::int64_t>& given, std::int64_t nodes, std::int64_t gpus_per_node,
                       std::int64_t workers) {
  if (given.has_value()) return *given;
  return workers > 0 ? nodes * gpus_per_node / workers : 0;
}

}  // namespace

bool Recipe::disaggregated() const { return resources.prefill_nodes.has_value() || resources.decode_nodes.has_value(); }

int Recipe::nodes() const {
  const auto nodes = disaggregated() ? resources.prefill_nodes.value_or(0) + resources.decode_nodes.value_or(0)
                                     : resources.agg_nodes.value_or(0);
  return static_cast<int>(nodes);
}

WorkerGroup Recipe::group(Role role) const {
  const Resources& r = resources;
  const EngineConfig& config = backend.type == "vllm" ? backend.vllm_config : backend.sglang_config;
  const std::int64_t prefill_gpus =
      gpus_each(r.gpus_per_prefill, r.prefill_nodes.value_or(0), r.gpus_per_node, r.prefill_workers.value_or(0));
  const auto make = [&](const std::optional<std::int64_t>& workers, std::int64_t gpus, const std::optional<Flags>& flags,
                        const StringMap& variables) {
    return WorkerGroup{role, static_cast<int>(workers.value_or(0)), static_cast<int>(gpus), flags_or_none(flags), &variables};
  };
  switch (role) {
    case Role::prefill: return make(r.prefill_workers, prefill_gpus, config.prefill, backend.prefill_environment);
    case Role::decode: {
      const bool shares = r.decode_nodes.value_or(0) == 0 && !r.gpus_per_decode.has_value();
      const std::int64_t gpus =
          shares ? prefill_gpus
                 : gpus_each(r.gpus_per_decode, r.decode_nodes.value_or(0), r.gpus_per_node, r.decode_workers.value_or(0));
      return make(r.decode_workers, gpus, config.decode, backend.decode_environment);
    }
    case Role::aggregated: break;
  }
  const std::int64_t gpus = gpus_each(r.gpus_per_agg, r.agg_nodes.value_or(0), r.gpus_per_node, r.agg_workers.value_or(0));
  return make(r.agg_workers, gpus, config.aggregated, backend.aggregated_environment);
}

std::vector<WorkerGroup> Recipe::groups() const {
  if (disaggregated()) return {group(Role::prefill), group(Role::decode)};
  return {group(Role::aggregated)};
}

EngineFlags Recipe::engine_flags(Role role) const {
  const Flags& flags = *group(role).flags;
  EngineFlags out;
  out.tensor_parallel_size = static_cast<int>(flags.integer("tensor-parallel-size").value_or(1));
  if (backend.type == "vllm") {
    constexpr Tokens kVllmBlock = 16;  // vllm 0.13.0, config/cache.py
    out.page_size = flags.integer("block-size").value_or(kVllmBlock);
    out.context_length = flags.integer("max-model-len");
    out.chunked_prefill_size = flags.integer("max-num-batched-tokens");
    out.mem_fraction_static = flags.number("gpu-memory-utilization");
    out.max_running = flags.integer("max-num-seqs");
    const Flag* caching = flags.find("enable-prefix-caching");
    out.keeps_prefixes =
        (caching == nullptr || flags.truth("enable-prefix-caching")) && !flags.truth("no-enable-prefix-caching");
    return out;
  }
  out.page_size = flags.integer("page-size").value_or(1);
  out.context_length = flags.integer("context-length");
  out.mem_fraction_static = flags.number("mem-fraction-static");
  const Tokens chunk = flags.integer("chunked-prefill-size").value_or(default_chunked_prefill_size(resources.gpu_type));
  if (chunk > 0) out.chunked_prefill_size = chunk;
  out.max_running = flags.integer("max-running-requests");
  out.keeps_prefixes = !flags.truth("disable-radix-cache");
  out.max_prefill_tokens = flags.integer("max-prefill-tokens").value_or(out.max_prefill_tokens);
  out.schedule_policy = flags.text("schedule-policy").value_or(out.schedule_policy);
  out.schedule_conservativeness = flags.number("schedule-conservativeness").value_or(out.schedule_conservativeness);
  out.mixed_chunk = flags.truth("enable-mixed-chunk");
  return out;
}

std::string Recipe::policy(Stage stage) const {
  if (stage == Stage::prefill) {
    if (auto given = frontend.args.text("prefill-policy")) return *given;
  }
  if (stage == Stage::decode) {
    if (auto given = frontend.args.text("decode-policy")) return *given;
  }
  if (auto given = frontend.args.text("policy")) return *given;
  return frontend.type == "srtctl" ? "min_ttft" : "cache_aware";
}

std::string Recipe::served_model_name() const {
  const WorkerGroup group_of_name = group(disaggregated() ? Role::prefill : Role::aggregated);
  if (auto given = group_of_name.flags->text("served-model-name")) return *given;
  const Flag* names = group_of_name.flags->find("served-model-name");  // vLLM takes several, of which the first counts
  if (names != nullptr && !names->value.items.empty()) return to_text(names->value.items.front());
  std::string_view path = model.path;
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  return std::string(path.substr(path.rfind('/') + 1));
}

Slo Recipe::slo() const { return {milliseconds(benchmark.ttft_threshold_ms), milliseconds(benchmark.itl_threshold_ms)}; }

namespace {

bool is_small(std::string_view gpu_type) { return gpu_type == "l40s" || gpu_type.starts_with("a100"); }

}  // namespace

Tokens default_max_num_batched_tokens(std::string_view gpu_type) { return is_small(gpu_type) ? 2048 : 8192; }
std::int64_t default_max_num_seqs(std::string_view gpu_type) { return is_small(gpu_type) ? 256 : 1024; }

Tokens default_chunked_prefill_size(std::string_view gpu_type) {
  constexpr std::array<std::string_view, 5> kAbove160Gb{"b200", "b300", "gb200", "gb300", "mi300x"};
  for (const std::string_view large : kAbove160Gb) {
    if (gpu_type == large) return 16384;
  }
  return gpu_type == "l40s" ? 4096 : 8192;
}

}  // namespace infbench::recipe
