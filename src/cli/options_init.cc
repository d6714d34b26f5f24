#include "cli/options_init.h"

#include <CLI/CLI.hpp>

#include "cli/options_rules.h"

namespace infbench::cli {

void add_init(CLI::App& app, InitOptions& o) {
  CLI::App* init = app.add_subcommand("init", "Write a commented recipe to begin with")->group("Prepare");
  init->add_option("--model", o.model, "Model to deploy: one whose step times are known")
      ->capture_default_str()
      ->type_name("NAME");
  init->add_option("--precision", o.precision, "Of its weights")->capture_default_str()->type_name("NAME");
  init->add_option("--gpu", o.gpu, "Type of the GPUs")->capture_default_str()->type_name("NAME");
  init->add_option("--gpus", o.gpus, "How many in all: 1 to 8, or whole nodes of 8")
      ->check(whole_number(1, 8192))
      ->capture_default_str()
      ->type_name("N");
  init->add_option("--tp", o.tp, "GPUs of each worker; default: 2, of one GPU 1")->check(whole_number(1, 8))->type_name("N");
  init->add_flag("--disaggregated", o.pairs, "Prefill and decode on workers of their own");
  init->add_option("--policy", o.policy, "Who gets a request; default: cache_aware")->type_name("NAME");
  init->add_option("-o,--output", o.output, "File to write; never one that is there")->capture_default_str()->type_name("FILE");
  init->footer(
      "Examples:\n  srtctl init\n  srtctl init --model Qwen/Qwen3-32B --gpu h100 --gpus 16 --disaggregated -o pairs.yaml");
}

}  // namespace infbench::cli
