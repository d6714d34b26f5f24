// calibrate(): rows of step times become Models, ready to be written as data files, with how far they are from the rows.
// check(): how far given Models are from rows. Pure but for the data files that are read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "calibrate/fit.h"
#include "calibrate/kv_rows.h"
#include "calibrate/step_rows.h"
#include "cost/model.h"

namespace infbench::calibrate {

struct Settings {
  std::string data_dir;                               // what is known of others: shapes of step times, KV capacity
  std::map<Deployment, cost::KvCapacity> capacities;  // of rows
  std::string source;                                 // where the rows come from
  std::string license;
  std::string command;  // that made the file
  int folds = 10;       // of the cross-validation; 0: none
};

// A row that no step time explains.
struct LeftOut {
  int line = 0;
  double measured_ms = 0;
  double estimated_ms = 0;
};

struct Calibrated {
  cost::Model model;
  std::vector<LeftOut> left_out;
  std::vector<std::string> notes;  // what a user should know, whole sentences without final periods
};

// Errors: a deployment with fewer than kLeastRows rows; all of them at once.
Result<std::vector<Calibrated>> calibrate(const std::vector<StepRows>& groups, const Settings& settings);

struct Checked {
  cost::Key key;
  std::array<cost::KindErrors, kKindCount> errors{};
  std::string note;  // of estimated step times: from what
};

// By the data files of `data_dir`. Errors: deployments that there are no step times for.
Result<std::vector<Checked>> check(const std::vector<StepRows>& groups, const std::string& data_dir);
// By `models`.
Result<std::vector<Checked>> check(const std::vector<StepRows>& groups, const std::vector<cost::Model>& models);

// A table for terminals and Markdown, and {"groups":[...]}.
std::string check_table(const std::vector<Checked>& groups);
std::string check_json(const std::vector<Checked>& groups);
std::string calibrated_table(const std::vector<Calibrated>& groups);
std::string calibrated_json(const std::vector<Calibrated>& groups);

}  // namespace infbench::calibrate
