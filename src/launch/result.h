// What came out of a run: the client's own figures, read from its artifacts, and whether they are worth anything, with what
// they are figures of: result.json and a few lines for people. Values; pure but for reading the client's files; usable from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "launch/run_machine.h"
#include "plan/plan.h"

namespace infbench::launch {

// What the figures are figures of.
struct RunSubject {
  std::string recipe;
  std::string variant;
  std::string policy;
  std::string topology;
  std::string client;  // srtctl | aiperf
  int gpus = 0;
  std::string trace_file;
  std::string trace_sha256;
};

// Of the client's summary; a figure that it does not have is none. Latencies in ms.
struct ClientFigures {
  std::string file;  // that they were read from
  std::string json;  // all of it
  std::optional<std::int64_t> requests, errors;
  std::optional<double> goodput_fraction;  // of requests within the limits
  std::optional<double> goodput_rps;
  std::optional<double> ttft_p50, ttft_p99, itl_p50, itl_p99;
  std::optional<double> output_tokens_per_s;
  std::vector<std::string> not_valid;  // the client's own reasons
};

// From srtctl's summary.json or aiperf's profile_export_aiperf.json in the folder, or in a folder of it. Error: there is none,
// or it cannot be read.
Result<ClientFigures> read_client_figures(const std::string& artifacts_dir);

struct RunVerdict {
  bool valid = false;
  std::vector<std::string> not_valid;  // why not
};
RunVerdict judge(const Outcome& outcome, const plan::Plan& plan, const ClientFigures* figures);

std::string result_json(const RunSubject& subject, const plan::Plan& plan, const Outcome& outcome, const RunVerdict& verdict,
                        const ClientFigures* figures);
std::string result_text(const RunSubject& subject, const plan::Plan& plan, const RunVerdict& verdict,
                        const ClientFigures* figures);

}  // namespace infbench::launch
