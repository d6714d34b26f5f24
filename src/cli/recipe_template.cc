#include "cli/recipe_template.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include <fmt/format.h>

#include "base/utf8.h"

namespace infbench::cli {
namespace {

constexpr int kNodeGpus = 8;  // of a node, where there are that many
constexpr int kMostGpus = 8192;

struct Layout {
  int tp = 1;
  int nodes = 1;
  int node_gpus = 1;
  int workers = 1;
  int decode = 0;  // of the workers
};

Result<Layout> layout_of(const InitOptions& wish) {
  if (wish.gpus < 1 || wish.gpus > kMostGpus || (wish.gpus > kNodeGpus && wish.gpus % kNodeGpus != 0)) {
    return fail(fmt::format("expected --gpus from 1 to {0}, or whole nodes of {0} (16, 24, ... {1}), found {2}", kNodeGpus,
                            kMostGpus, wish.gpus));
  }
  Layout layout;
  layout.tp = wish.tp > 0 ? wish.tp : std::min(2, wish.gpus);
  layout.node_gpus = std::min(kNodeGpus, wish.gpus);
  layout.nodes = wish.gpus / layout.node_gpus;
  layout.workers = wish.gpus / layout.tp;
  if (layout.node_gpus % layout.tp != 0) {
    return fail(fmt::format("expected --tp that divides the {} GPUs of a node, found {}", layout.node_gpus, layout.tp));
  }
  if (!wish.pairs) return layout;
  if (layout.workers < 2) {
    return fail(
        fmt::format("--disaggregated needs two workers or more, and {} GPUs are one worker of TP{}", wish.gpus, layout.tp),
        "more --gpus, or a smaller --tp");
  }
  layout.decode = std::max(1, layout.workers / 4);
  return layout;
}

Result<void> check_name(const std::string& model) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-/").find(c) != std::string_view::npos;
  };
  const bool good = !model.empty() && std::all_of(model.begin(), model.end(), fits) && model.back() != '/';
  return good ? Result<void>() : fail(fmt::format("expected a model's name such as Qwen/Qwen3-32B, found '{}'", model));
}

std::string short_name(const std::string& model) { return model.substr(model.rfind('/') + 1); }

std::string resources(const InitOptions& wish, const Layout& at) {
  std::string out = fmt::format("resources: # {} GPUs on {} node{}\n  gpu_type: {}\n  gpus_per_node: {}\n", wish.gpus, at.nodes,
                                at.nodes == 1 ? "" : "s", wish.gpu, at.node_gpus);
  if (!wish.pairs) {
    return out + fmt::format("  agg_nodes: {}\n  agg_workers: {} # each does whole requests, on {} GPU{}\n  gpus_per_agg: {}\n",
                             at.nodes, at.workers, at.tp, at.tp == 1 ? "" : "s", at.tp);
  }
  return out + fmt::format(
                   "  prefill_nodes: {}\n"
                   "  prefill_workers: {} # they compute prompts, ...\n"
                   "  gpus_per_prefill: {}\n"
                   "  decode_nodes: 0 # no nodes of their own: decode workers take the GPUs that prefill workers leave\n"
                   "  decode_workers: {} # ... and these write the answers: try other shares\n"
                   "  gpus_per_decode: {}\n",
                   at.nodes, at.workers - at.decode, at.tp, at.decode, at.tp);
}

// The flags of one role's workers: those of python -m sglang.launch_server.
std::string engine_flags(const std::string& role, const InitOptions& wish, const Layout& at) {
  std::string out = fmt::format(
      "    {}:\n"
      "      served-model-name: {}\n"
      "      tensor-parallel-size: {} # GPUs that share the model\n"
      "      mem-fraction-static: 0.90 # of GPU memory, for weights and KV\n"
      "      page-size: 64 # tokens in a page of KV: prefixes are found again by whole pages\n"
      "      context-length: 131072 # the published traces have prompts of up to 126,000 tokens\n",
      role, wish.model, at.tp);
  if (lower_case(wish.model).find("qwen3") != std::string::npos) {
    out +=
        "      # 32,768 tokens by training, 131,072 by yarn.\n"
        "      json-model-override-args: '{\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4.0,"
        "\"original_max_position_embeddings\":32768},\"max_position_embeddings\":131072}'\n";
  }
  return out;
}

std::string head(const InitOptions& wish, const Layout& at) {
  const std::string name =
      fmt::format("{}-{}x{}-{}", lower_case(short_name(wish.model)), wish.gpus, wish.gpu, wish.pairs ? "disagg" : "agg");
  return fmt::format(
             "# What to deploy, what traffic to send, and which latency is good enough.\n"
             "#   srtctl dry-run -f {0}                              what it comes to: nodes, GPUs, command lines\n"
             "#   srtctl simulate -f {0} --workload conversation     how it does, in virtual time\n"
             "#   srtctl simulate -f {0} --set frontend.args.policy=round_robin --workload conversation\n"
             "#   srtctl submit -f {0}                               for real, on Slurm\n"
             "name: {1}\n\n"
             "model:\n"
             "  path: /models/{2} # a local folder, mounted as /model; simulate does not read it\n"
             "  container: lmsysorg/sglang:v0.5.6.post2\n"
             "  precision: {3}\n\n",
             std::filesystem::path(wish.output).filename().string(), name, short_name(wish.model), wish.precision) +
         resources(wish, at);
}

}  // namespace

Result<std::string> recipe_template(const InitOptions& wish) {
  if (const auto named = check_name(wish.model); !named) return fail(named.error());
  const auto layout = layout_of(wish);
  if (!layout) return fail(layout.error());
  std::string out = head(wish, *layout) + fmt::format(
                                              "\nslurm:\n"
                                              "  time_limit: \"02:00:00\" # the trace alone takes an hour\n\n"
                                              "frontend:\n"
                                              "  type: sglang # sglang-router\n"
                                              "  enable_multiple_frontends: false\n"
                                              "  args:\n"
                                              "    policy: {} # who gets a request\n\n"
                                              "backend:\n"
                                              "  type: sglang\n"
                                              "  sglang_config:\n",
                                              wish.policy.empty() ? "cache_aware" : wish.policy);
  for (const char* role : {"prefill", "decode"}) {
    if (wish.pairs) out += engine_flags(role, wish, *layout);
  }
  if (!wish.pairs) out += engine_flags("aggregated", wish, *layout);
  return out +
         "\nbenchmark:\n"
         "  type: mooncake-router\n"
         "  mooncake_workload: conversation # an hour of real traffic; also toolagent, synthetic, mooncake\n"
         "  ttft_threshold_ms: 2000 # good: the first token within 2 s, ...\n"
         "  itl_threshold_ms: 25 # ... then a token every 25 ms\n\n"
         "health_check: # of submit: so long may workers take to load the model\n"
         "  max_attempts: 180\n"
         "  interval_seconds: 10\n";
}

}  // namespace infbench::cli
