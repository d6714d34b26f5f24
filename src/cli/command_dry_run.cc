// srtctl dry-run: reads recipes, lays them out and shows every process that would be started, without starting any.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json_writer.h"
#include "cli/commands.h"
#include "plan/plan.h"
#include "plan/plan_output.h"
#include "recipe/read_recipe.h"

namespace infbench::cli {
namespace {

struct Planned {
  std::string recipe, variant;  // its file, and which of the recipes in it
  plan::Plan plan;
  std::string batch_script;  // empty: it is not for Slurm
};

// Every recipe that could be read, and the errors of all the others.
struct Outcome {
  std::vector<Planned> plans;
  Errors errors;

  void fail(const Errors& more) { errors.insert(errors.end(), more.begin(), more.end()); }
};

// The files that `given` stands for: itself, or all *.yaml below it, in order.
Result<std::vector<std::string>> recipe_files(const std::string& given) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(given, error)) return std::vector<std::string>{given};
  std::vector<std::string> files;
  for (fs::recursive_directory_iterator entry(given, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().extension() == ".yaml" && entry->is_regular_file(error)) files.push_back(entry->path().string());
  }
  if (error) return infbench::fail("cannot read the folder '" + given + "': " + error.message());
  if (files.empty()) return infbench::fail("there is no *.yaml below the folder '" + given + "'");
  std::ranges::sort(files);
  return files;
}

// What the plan depends on besides the recipe: the one place that knows where it would run.
plan::Site site_of(const DryRunOptions& options) {
  plan::Site site;
  if (options.launcher == "local") {
    site.launcher = plan::LauncherKind::local;
    site.bind = "127.0.0.1";
    site.shared_host = true;
    site.port_base = plan::kFirstPortToLookAt;
  }
  return site;
}

void plan_one(const recipe::Recipe& recipe, const plan::Site& site, Outcome& outcome) {
  const bool local = site.launcher == plan::LauncherKind::local;
  const plan::Inventory inventory =
      local ? plan::one_host_inventory(recipe.nodes(), site.bind) : plan::placeholder_inventory(recipe.nodes());
  Result<plan::Plan> plan = plan::make_plan(recipe, inventory, site);
  if (!plan) {
    for (Error& error : plan.error()) error.file = recipe.file;
    return outcome.fail(plan.error());
  }
  outcome.plans.push_back(
      {recipe.file, recipe.variant, std::move(*plan), local ? "" : plan::batch_script(recipe, site, "outputs")});
}

void plan_file(const DryRunOptions& options, const plan::Site& site, const std::string& selector, Outcome& outcome) {
  const auto recipes = recipe::read_recipes(selector, options.edits, {});
  if (!recipes) return outcome.fail(recipes.error());
  for (const recipe::Recipe& recipe : *recipes) plan_one(recipe, site, outcome);
}

Outcome plan_all(const DryRunOptions& options) {
  Outcome outcome;
  const plan::Site site = site_of(options);
  for (const std::string& given : options.recipes) {
    const auto files = recipe_files(given);
    if (!files) {
      outcome.fail(files.error());
      continue;
    }
    for (const std::string& file : *files) plan_file(options, site, file, outcome);
  }
  return outcome;
}

void write_error(const Error& error, JsonWriter& json) {
  json.begin_object();
  json.member("file", std::string_view(error.file));
  json.member("line", error.line);
  json.member("column", error.column);
  json.member("what", std::string_view(error.what));
  json.member("hint", std::string_view(error.hint));
  json.end_object();
}

std::string as_json(const Outcome& outcome) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::pretty);
  json.begin_object();
  json.key("plans");
  json.begin_array();
  for (const Planned& one : outcome.plans) {
    json.begin_object();
    json.member("recipe", std::string_view(one.recipe));
    if (!one.variant.empty()) json.member("variant", std::string_view(one.variant));
    json.key("plan");
    plan::write_json(one.plan, json);
    json.key("batch_script");
    if (one.batch_script.empty()) {
      json.null();
    } else {
      json.value(std::string_view(one.batch_script));
    }
    json.end_object();
  }
  json.end_array();
  json.key("errors");
  json.begin_array();
  for (const Error& error : outcome.errors) write_error(error, json);
  json.end_array();
  json.end_object();
  return out + "\n";
}

std::string as_text(const Outcome& outcome) {
  std::string out;
  for (const Planned& one : outcome.plans) {
    out += (out.empty() ? "" : "\n") + plan::to_text(one.plan);
    if (!one.batch_script.empty()) out += "\n# the script for sbatch\n" + one.batch_script;
  }
  return out;
}

}  // namespace

ExitCode run(const DryRunOptions& options) {
  const Outcome outcome = plan_all(options);
  const std::string out = options.json ? as_json(outcome) : as_text(outcome);
  std::fputs(out.c_str(), stdout);
  std::fputs(format_errors(outcome.errors).c_str(), stderr);
  return outcome.errors.empty() ? ExitCode::success : ExitCode::bad_input;
}

}  // namespace infbench::cli
