// The command line of `srtctl calibrate`: see options.h.
#include <CLI/CLI.hpp>

#include "cli/options_calibrate.h"
#include "cli/options_key.h"
#include "cli/options_rules.h"

namespace infbench::cli {

void add_calibrate(CLI::App& app, CalibrateOptions& options) {
  CLI::App* calibrate =
      app.add_subcommand("calibrate", "Fit the engine model to measured step times, or judge it by measurements");
  calibrate
      ->add_option("step_times", options.step_times, "Table (CSV) to fit: system,tp,backend,kind,bs,prefix,new,ctx,latency_ms")
      ->type_name("STEP_TIMES.csv");
  calibrate->add_option("--url", options.url, "Measure this OpenAI-compatible server with 26 probes and fit them")
      ->type_name("URL");
  calibrate->add_option("--check", options.check, "Judge step times by a table like STEP_TIMES.csv")->type_name("FILE");
  calibrate
      ->add_option(
          "--check-measured", options.check_measured,
          "Judge the engine model by end-to-end rows: backend,tp_size,isl,osl,batch_size,silicon_ttft_ms,silicon_tpot_ms")
      ->type_name("FILE");
  calibrate->add_option("-o,--output", options.output, "Data file to write; a folder: one file in it for each deployment")
      ->type_name("FILE");
  calibrate->add_option("--kv", options.kv, "Rows of KV capacity for the data file")->type_name("FILE");
  calibrate->add_option("--data", options.data, "With --check: a data file that calibrate wrote, instead of the program's own")
      ->type_name("FILE");
  calibrate->add_option("--model", options.model, "Model that was measured")->capture_default_str()->type_name("NAME");
  calibrate->add_option("--precision", options.precision, "Precision of its weights")->capture_default_str()->type_name("P");
  calibrate->add_option("--gpu", options.gpu, "GPU, where the rows do not say it")->capture_default_str()->type_name("NAME");
  calibrate->add_option("--tp", options.tp, "GPUs per worker of --url")
      ->check(whole_number(1, 1024))
      ->capture_default_str()
      ->type_name("N");
  calibrate->add_option("--engine", options.engine, "Engine of --url")
      ->check(one_of({"sglang", "vllm"}))
      ->capture_default_str();
  calibrate
      ->add_option("--served-model-name", options.served_model_name, "What requests to --url call the model; default: --model")
      ->type_name("NAME");
  calibrate->add_option("--chunk", options.chunk, "Most prompt tokens that --url computes in a step")
      ->check(whole_number(256, 1'000'000))
      ->capture_default_str()
      ->type_name("N");
  calibrate->add_option("--context", options.context, "Most tokens of a request to --url")
      ->check(whole_number(1024, 10'000'000))
      ->capture_default_str()
      ->type_name("N");
  calibrate->add_option("--max-concurrency", options.max_concurrency, "Most requests at once to --url")
      ->check(whole_number(1, 4096))
      ->capture_default_str()
      ->type_name("N");
  add_api_key(*calibrate, options.api_key, "Key for --url");
  calibrate->add_option("--time-scale", options.time_scale, "Of a 'srtctl serve' at --url: its times are multiplied by it")
      ->check(number(1e-6, 1e6))
      ->capture_default_str()
      ->type_name("X");
  calibrate->add_option("--source", options.source, "Where the rows come from, for the data file; default: the file's name")
      ->type_name("TEXT");
  calibrate->add_option("--license", options.license, "Licence of the rows, for the data file")
      ->capture_default_str()
      ->type_name("TEXT");
  calibrate->add_flag("--json", options.json, "Print one JSON document instead of tables");
  calibrate->footer(
      "The file belongs into the folder step_times of the program's data (or of $SRTCTL_DATA_DIR):\n"
      "all commands know it then.\n"
      "Example: srtctl calibrate my_step_times.csv -o data/step_times/");
}

std::string calibrate_mistake(const CalibrateOptions& options) {
  const int sources = (options.step_times.empty() ? 0 : 1) + (options.url.empty() ? 0 : 1) + (options.check.empty() ? 0 : 1) +
                      (options.check_measured.empty() ? 0 : 1);
  if (sources != 1) return "calibrate takes one of STEP_TIMES.csv, --url, --check and --check-measured";
  const bool fits = !options.step_times.empty() || !options.url.empty();
  if (fits && options.output.empty()) return "calibrate needs -o, the data file to write";
  if (!fits && !options.output.empty()) return "-o goes with a table to fit or --url; a check writes no file";
  if (!options.data.empty() && options.check.empty()) return "--data goes with --check";
  return {};
}

}  // namespace infbench::cli
