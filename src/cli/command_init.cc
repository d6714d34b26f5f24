// init: a recipe to begin with. It is read back, planned and built as simulate would, before anything is written.
#include <cstdio>
#include <filesystem>

#include <fmt/format.h>

#include "base/output_file.h"
#include "cli/commands.h"
#include "cli/console.h"
#include "cli/program_files.h"
#include "cli/recipe_template.h"
#include "recipe/read_recipe.h"
#include "simulate/cluster.h"

namespace infbench::cli {
namespace {

Result<void> check(const std::string& text, const std::string& file) {
  const auto recipe = recipe::read_recipe_text(text, file);
  if (!recipe) return fail(recipe.error());
  const auto plan = plan::make_plan(*recipe, plan::placeholder_inventory(recipe->nodes()));
  if (!plan) return fail(plan.error());
  const auto data = data_dir();
  if (!data) return fail(data.error());
  const auto cluster = simulate::build_cluster(*recipe, *plan, *data);
  if (!cluster) return fail(cluster.error());
  return {};
}

}  // namespace

ExitCode run(const InitOptions& options) {
  std::error_code ignored;
  if (std::filesystem::exists(options.output, ignored)) {
    const auto failed = fail(fmt::format("{} is there already", options.output), "name another file with -o FILE");
    return report_errors(failed.value());
  }
  const auto text = recipe_template(options);
  if (!text) return report_errors(text.error());
  if (const auto checked = check(*text, options.output); !checked) return report_errors(checked.error());
  if (const auto written = write_file(options.output, *text); !written) return report_errors(written.error());
  fmt::print(stderr, "wrote {}; next: srtctl simulate -f {} --workload conversation\n", options.output, options.output);
  return ExitCode::success;
}

}  // namespace infbench::cli
