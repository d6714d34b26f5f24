// What `srtctl status`, `logs`, `cancel` and `node-facts` are told. Values.
#pragma once

#include <string>

namespace infbench::cli {

struct StatusOptions {
  std::string job;          // empty: all there are
  std::string outputs_dir;  // of all runs; empty: output_dir of srtslurm.yaml, else ./outputs
  bool json = false;
};

struct LogsOptions {
  std::string job;
  std::string name;  // of a log, or how it begins; empty: all
  std::string outputs_dir;
  int lines = -1;  // the last so many of each; -1: all of a log that is named, else 20
  bool follow = false;
};

struct CancelOptions {
  std::string job;
  std::string outputs_dir;
  bool now = false;
};

struct NodeFactsOptions {
  std::string interface;  // empty: the one that the node's name stands for
};

}  // namespace infbench::cli
