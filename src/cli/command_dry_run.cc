// srtctl dry-run: reads recipes, lays them out and shows every process that would be started, without starting any.
#include <cstdio>
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
  std::string file, variant;  // of the recipe
  plan::Plan plan;
};

// Every recipe that could be read, and the errors of all the others.
struct Outcome {
  std::vector<Planned> plans;
  Errors errors;
};

Outcome plan_all(const DryRunOptions& options) {
  Outcome outcome;
  for (const std::string& file : options.recipes) {
    const auto recipes = recipe::read_recipes(file, options.edits, {});
    if (!recipes.has_value()) {
      outcome.errors.insert(outcome.errors.end(), recipes.error().begin(), recipes.error().end());
      continue;
    }
    for (const recipe::Recipe& recipe : *recipes) {
      Result<plan::Plan> plan = plan::make_plan(recipe, plan::placeholder_inventory(recipe.nodes()));
      if (plan.has_value()) {
        outcome.plans.push_back({recipe.file, recipe.variant, std::move(*plan)});
      } else {
        outcome.errors.insert(outcome.errors.end(), plan.error().begin(), plan.error().end());
      }
    }
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
  for (const auto& [file, variant, plan] : outcome.plans) {
    json.begin_object();
    json.member("recipe", std::string_view(file));
    if (!variant.empty()) json.member("variant", std::string_view(variant));
    json.key("plan");
    plan::write_json(plan, json);
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
  for (const Planned& planned : outcome.plans) out += (out.empty() ? "" : "\n") + plan::to_text(planned.plan);
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
