// What `srtctl calibrate` is told. Values, one thread.
#pragma once

#include <cstdint>
#include <string>

namespace infbench::cli {

struct CalibrateOptions {
  // One of these four.
  std::string step_times;      // a table to fit
  std::string url;             // a server to measure and fit
  std::string check;           // a table to judge step times by
  std::string check_measured;  // a table of end-to-end rows to judge the engine model by

  std::string output;  // -o: a file, or a folder for one file of each deployment
  std::string kv;      // rows of KV capacity
  std::string data;    // --data: judge the step times in this file, not the program's own
  std::string model = "Qwen/Qwen3-32B";
  std::string precision = "bf16";
  std::string source;  // of the rows, as the file will say
  std::string license = "not stated";
  bool json = false;

  // Of the server, and of measured rows that do not say it.
  std::string gpu = "h100_sxm";
  int tp = 1;
  std::string engine = "sglang";
  std::string api_key;
  std::string served_model_name;   // what requests call the model; empty: `model`
  std::int64_t chunk = 8192;       // most prompt tokens of a step of the server
  std::int64_t context = 131'072;  // most tokens of a request to it
  int max_concurrency = 128;       // most requests at once to it
  double time_scale = 1.0;         // of a `srtctl serve` that runs faster or slower than time

  std::string command_line;  // as it was given
};

}  // namespace infbench::cli
