// The flags of `srtctl serve`: see options.h.
#include "cli/options_serve.h"

#include <CLI/CLI.hpp>

#include "cli/options_rules.h"
#include "live/model_clock.h"

namespace infbench::cli {
namespace {

void add_engine_flags(CLI::App& serve, ServeOptions& o) {
  const std::string group = "Engine (as python -m sglang.launch_server; flags without a meaning here are accepted)";
  serve.add_option("--model-path,--model", o.model_path, "The model; its files are not read")->group(group);
  serve.add_option("--served-model-name", o.served_model_name, "The name clients ask for; default: the model path")
      ->group(group);
  serve.add_option("--host", o.host, "Address to listen on")->capture_default_str()->group(group);
  serve.add_option("--port", o.port, "Port of the first worker; 0: free ones")
      ->check(whole_number(0, 65535))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--tensor-parallel-size,--tp-size,--tp", o.tp, "GPUs of a worker")
      ->check(whole_number(1, 1024))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--mem-fraction-static", o.mem_fraction_static, "Share of GPU memory for weights and KV")
      ->check(number(0.01, 1))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--page-size", o.page_size, "Tokens in a page of KV")
      ->check(whole_number(1, 65536))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--context-length", o.context_length, "Most tokens, prompt and answer; default: the model's own")
      ->check(whole_number(1, 1'000'000'000))
      ->group(group);
  serve.add_option("--chunked-prefill-size", o.chunked_prefill_size, "Most prompt tokens in a step; -1: prompts are not cut")
      ->check(whole_number(-1, 1'000'000'000))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--max-running-requests", o.max_running_requests, "Accepted, not modelled")
      ->check(whole_number(1, 1'000'000'000))
      ->group(group);
  serve.add_option("--disaggregation-mode", o.disaggregation_mode, "null, prefill or decode")
      ->check(one_of({"null", "prefill", "decode"}))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--disaggregation-bootstrap-port", o.bootstrap_port, "Of the first prefill worker; 0: free ones")
      ->check(whole_number(0, 65535))
      ->capture_default_str()
      ->group(group);
  serve.add_option("--json-model-override-args", o.model_overrides, "max_position_embeddings in it is the context length")
      ->type_name("JSON")
      ->group(group);
  serve.add_option("--kv-events-config", o.kv_events_config, "Publish what the prefix cache stores and removes")
      ->type_name("JSON")
      ->group(group);
  serve.add_option("--nnodes", o.nodes, "Nodes of the worker")->check(whole_number(1, 1024))->group(group);
  serve.add_option("--node-rank", o.node_rank, "Which of them this is: above 0 it only waits until it is ended")
      ->check(whole_number(0, 1023))
      ->group(group);
  // Said by every recipe, and of no meaning without a GPU: no warning.
  serve.add_option("--nccl-port,--dist-init-addr,--log-level,--log-level-http", o.without_meaning)->take_last()->group("");
  serve.add_flag("--trust-remote-code,--enable-metrics,--skip-server-warmup,--disable-cuda-graph", o.flag_without_meaning)
      ->group("");
}

void add_own_flags(CLI::App& serve, ServeOptions& o) {
  serve.add_option("--workers", o.workers, "Workers, each on a port of its own, from --port on")
      ->check(whole_number(1, 1024))
      ->capture_default_str();
  serve.add_option("--threads", o.threads, "Threads; default: one for each processor, at most one for each worker")
      ->check(whole_number(0, 1024));
  serve.add_option("--gpu", o.gpu, "GPU of the engine model")->capture_default_str();
  serve.add_option("--precision", o.precision, "Precision of the engine model")->capture_default_str();
  serve.add_option("--engine", o.engine, "Engine whose step times are taken: sglang or vllm")->capture_default_str();
  serve.add_option("--kv-tokens", o.kv_tokens, "Tokens of KV that fit, instead of computing it")
      ->check(whole_number(1, 1'000'000'000'000));
  auto* scale = serve.add_option("--time-scale", o.time_scale, "All of the engine's times divided by X")
                    ->check(number(1e-3, live::ModelClock::kScaleMax))
                    ->capture_default_str()
                    ->type_name("X");
  serve.add_flag("--instant", o.instant, "No waiting at all: for capacity tests of what is in front")->excludes(scale);
  serve.add_option("--truth-log", o.truth_log, "Write what really happened: arrivals, due and sent times, engine events")
      ->type_name("FILE");
  serve.add_option("--tokenizer", o.tokenizer, "Folder or tokenizer.json: count tokens by its vocabulary");
  serve.add_option("--kv-link-gbps", o.link_gbps, "KV transfer: speed of a GPU's link in Gbit/s")
      ->check(speed())
      ->capture_default_str();
  serve.add_option("--kv-link-us", o.link_us, "KV transfer: latency in microseconds")
      ->check(number(1, 1e9))
      ->capture_default_str();
  serve.add_option("--disaggregation-timeout", o.room_timeout_s, "How long half of a pair waits for the other, in seconds")
      ->check(number(0.001, 1e6))
      ->capture_default_str()
      ->type_name("S");
}

}  // namespace

void add_serve(CLI::App& app, ServeOptions& options) {
  CLI::App* serve = app.add_subcommand("serve", "The engine model behind an OpenAI-compatible API");
  serve->allow_extras();
  add_own_flags(*serve, options);
  for (CLI::Option* option : serve->get_options()) {
    if (option != serve->get_help_ptr()) option->group("Engine model");
  }
  add_engine_flags(*serve, options);
  serve->footer("Example: srtctl serve --port 8101 --workers 8 --gpu h200 --tp 2 --page-size 64");
}

void take_unknown(const CLI::App& serve, ServeOptions& options) { options.unknown = serve.remaining(); }

}  // namespace infbench::cli
