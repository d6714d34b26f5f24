#include "cli/options.h"

#include <algorithm>

#include <CLI/CLI.hpp>

#include "base/result.h"
#include "cli/build_info.h"
#include "cli/help_pages.h"
#include "cli/options_calibrate.h"
#include "cli/options_doc.h"
#include "cli/options_errors.h"
#include "cli/options_init.h"
#include "cli/options_job.h"
#include "cli/options_replay.h"
#include "cli/options_route.h"
#include "cli/options_rules.h"
#include "cli/options_serve.h"
#include "cli/options_study.h"
#include "cli/options_submit.h"
#include "cli/secret_words.h"
#include "launch/guard.h"

namespace infbench::cli {
namespace {

constexpr const char* kAbout = "Which deployment, and which routing policy, meets my latency limits on my traffic?";

constexpr const char* kNotes =
    "Exit codes:\n"
    "  0 success               4 a worker failed           7 a limit was missed (--require)\n"
    "  2 usage, recipe, trace  5 not ready in time         130 interrupted\n"
    "  3 cannot launch         6 the result is not valid\n"
    "\n"
    "Environment:\n"
    "  SRTCTL_TRACE_DIR   folder with NAME_trace.jsonl, for --workload NAME\n"
    "  SRTCTL_TRACE_URL   a mirror of the published traces\n"
    "  SRTCTL_DATA_DIR    folder with step_times/, instead of the one that came with srtctl\n"
    "  XDG_CACHE_HOME     srtctl/traces in it has what was downloaded; else ~/.cache\n"
    "  NO_COLOR           no colours\n"
    "Examples:\n"
    "  srtctl init -o my.yaml\n"
    "  srtctl simulate -f my.yaml --workload conversation\n"
    "  srtctl compare -f my.yaml -f other.yaml --workload conversation";

void add_trace_source(CLI::App& command, TraceSource& source) {
  auto* file = command.add_option("--trace", source.file, "Trace to replay: a file of Mooncake JSONL")->type_name("FILE");
  command.add_option("--workload", source.workload, "Published trace: conversation, toolagent, synthetic or mooncake")
      ->type_name("NAME")
      ->excludes(file);
  command
      .add_option("--trace-dir", source.trace_dir,
                  "Folder with NAME_trace.jsonl; else $SRTCTL_TRACE_DIR, the cache folder, a download")
      ->type_name("DIR");
}

// --set and --unset of one command, each in its own order.
struct EditTexts {
  std::vector<std::string> sets, unsets;
};

void add_recipe_options(CLI::App& command, std::vector<std::string>& recipes, EditTexts& edits) {
  command.add_option("-f,--file", recipes, "Recipe (YAML), or one of those in it: FILE:override_NAME")
      ->required()
      ->type_name("RECIPE")
      ->allow_extra_args(false);
  command.add_option("--set", edits.sets, "Override a recipe key, as in --set frontend.args.policy=min_ttft")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command.add_option("--unset", edits.unsets, "Take a recipe key out; counts in one order with --set")
      ->type_name("KEY")
      ->allow_extra_args(false);
}

// In the order of the command line.
std::vector<recipe::Edit> edits_of(const CLI::App& command, const EditTexts& texts) {
  std::vector<recipe::Edit> edits;
  auto set = texts.sets.begin();
  auto unset = texts.unsets.begin();
  for (const CLI::Option* option : command.parse_order()) {
    if (option->get_name() == "--set") edits.push_back({recipe::Edit::Kind::set, *set++});
    if (option->get_name() == "--unset") edits.push_back({recipe::Edit::Kind::unset, *unset++});
  }
  return edits;
}

void add_simulation(CLI::App& command, SimulateOptions& options, EditTexts& edits) {
  add_recipe_options(command, options.recipes, edits);
  add_trace_source(command, options.trace);
  command.add_option("--speed", options.speed, "Send the same requests X times as fast")
      ->check(speed())
      ->capture_default_str()
      ->type_name("X");
  command
      .add_option("--synthetic", options.synthetic,
                  "Instead of a trace, equal requests, so many at a time: isl=1024,osl=256,concurrency=64,requests=512")
      ->excludes("--trace")
      ->excludes("--workload")
      ->excludes("--speed")
      ->type_name("LOAD");
  command.add_option("--seed", options.seed, "Seed of everything drawn at random")
      ->check(whole_number(0))
      ->capture_default_str()
      ->type_name("N");
  command.add_option("-o,--output", options.output_dir, "Write the artifacts into this folder")->type_name("DIR");
  command.add_flag("--json", options.json, "Print one JSON document instead of the table");
  add_study(command, options.study, options.compare);
}

// All the values that CLI11 fills, and how to tell which command was given.
struct Parsed {
  InitOptions init;
  CompletionOptions completion;
  ManOptions man;
  SimulateOptions simulate;
  SimulateOptions compare;
  DryRunOptions dry_run;
  EditTexts edits;  // of whichever of these commands was given
  TraceAnalyzeOptions analyze;
  TraceFetchOptions fetch;
  TraceSynthesizeOptions synthesize;
  TraceSliceOptions slice;
  ReplayOptions replay;
  ServeOptions serve;
  RouteOptions route;
  SubmitOptions submit;
  GuardOptions guard;
  StatusOptions status;
  LogsOptions logs;
  CancelOptions cancel;
  NodeFactsOptions node_facts;
  ReportOptions report;
  CalibrateOptions calibrate;
};

// Puts options of a command under a heading of its help.
void under(CLI::App& command, const char* heading, const std::vector<const char*>& names) {
  for (const char* name : names) command.get_option(name)->group(heading);
}

void group_options(CLI::App& app) {
  for (const char* command : {"simulate", "compare", "dry-run", "submit"}) {
    under(*app.get_subcommand(command), "Recipe", {"--file", "--set", "--unset"});
  }
  for (const char* command : {"simulate", "compare"}) {
    under(*app.get_subcommand(command), "Traffic",
          {"--trace", "--workload", "--trace-dir", "--synthetic", "--speed", "--seed"});
    under(*app.get_subcommand(command), "Results", {"--output", "--json", "--explain"});
    under(*app.get_subcommand(command), "Several runs", {"--draws", "--find", "--require", "--jobs"});
  }
  under(*app.get_subcommand("compare"), "Several runs", {"--grid"});
}

void add_page_commands(CLI::App& app, Parsed& parsed) {
  CLI::App* completion = app.add_subcommand("completion", "Print the script that completes command lines")->group("Set up");
  completion->add_option("shell", parsed.completion.shell, "The shell")->check(one_of({"bash"}))->required();
  completion->footer("Example: srtctl completion bash > ~/.local/share/bash-completion/completions/srtctl");
  CLI::App* man = app.add_subcommand("man", "Write the man pages, one for each command")->group("Set up");
  man->add_option("folder", parsed.man.folder, "Folder to write to")->required()->type_name("DIR");
  man->footer("Example: srtctl man ~/.local/share/man/man1");
}

void add_slice(CLI::App& trace, TraceSliceOptions& options) {
  CLI::App* slice = trace.add_subcommand("slice", "Cut a part out of a trace");
  slice->add_option("file", options.file, "Mooncake JSONL")->required()->type_name("FILE");
  slice->add_option("--from", options.from_s, "Rows from this second on")->check(number(0, 4e9))->type_name("S");
  slice->add_option("--to", options.to_s, "Rows up to this second, inclusive")->check(number(0, 4e9))->type_name("S");
  slice->add_option("--requests", options.requests, "Of these the first N")
      ->check(whole_number(1, kMostRequests))
      ->type_name("N");
  slice->add_option("--max-isl", options.isl_max, "Only prompts of at most N tokens")
      ->check(whole_number(1, 2'147'483'647))
      ->type_name("N");
  slice->add_option("-o,--output", options.output, "File to write")->required()->type_name("FILE");
  slice->footer("Example: srtctl trace slice conversation_trace.jsonl --from 600 --to 1200 -o part.jsonl");
}

void add_trace_commands(CLI::App& app, Parsed& parsed) {
  CLI::App* trace = app.add_subcommand("trace", "Look at, fetch, cut and make traces")->group("Prepare");
  trace->require_subcommand(1);

  CLI::App* analyze = trace->add_subcommand("analyze", "Lengths, rates and prefix reuse of a trace");
  analyze->add_option("file", parsed.analyze.file, "Mooncake JSONL")->required()->type_name("FILE");
  analyze->add_flag("--json", parsed.analyze.json, "Print one JSON document");

  analyze->footer("Example: srtctl trace analyze conversation_trace.jsonl");

  CLI::App* fetch = trace->add_subcommand("fetch", "Download a published trace into the cache folder");
  fetch->add_option("workload", parsed.fetch.workload, "conversation, toolagent, synthetic or mooncake")
      ->required()
      ->type_name("NAME");
  fetch->add_option("--url", parsed.fetch.url, "Address of the file, if not the published one")->type_name("URL");

  fetch->footer("Example: srtctl trace fetch conversation");

  CLI::App* synthesize = trace->add_subcommand("synthesize", "Make a stand-in that is like a published trace");
  synthesize->add_option("--like", parsed.synthesize.like, "conversation or toolagent")->required()->type_name("NAME");
  synthesize->add_option("--requests", parsed.synthesize.requests, "How many; default: as many as the published trace")
      ->check(whole_number(1, kMostRequests))
      ->type_name("N");
  synthesize->add_option("--seed", parsed.synthesize.seed, "Another seed, another trace")
      ->check(whole_number(0))
      ->capture_default_str()
      ->type_name("S");
  synthesize->add_option("--speed", parsed.synthesize.speed, "Arrivals X times as fast")
      ->check(speed())
      ->capture_default_str()
      ->type_name("X");
  synthesize->add_option("-o,--output", parsed.synthesize.output, "File to write")->required()->type_name("FILE");
  synthesize->footer("Example: srtctl trace synthesize --like conversation --requests 1000 -o stand_in.jsonl");
  add_slice(*trace, parsed.slice);
  trace->footer("Example: srtctl trace analyze conversation_trace.jsonl");
}

void add_report(CLI::App& app, ReportOptions& options) {
  CLI::App* report = app.add_subcommand("report", "Write the HTML report of runs, several side by side");
  report->add_option("folders", options.folders, "Output folders of simulate, compare, replay or submit")
      ->required()
      ->type_name("DIR");
  report->add_option("-o,--output", options.output, "File to write; default: report.html, in DIR if there is one")
      ->type_name("FILE");
  report->footer("Example: srtctl report outputs/monday outputs/tuesday -o week.html");
}

void add_commands(CLI::App& app, Parsed& parsed) {
  app.require_subcommand(1);
  app.set_version_flag(
      "--version", [&app] { return version_text(app.count("--verbose") > 0); }, "Print version, commit and build type");
  app.add_flag("--verbose")->description("With --version: also the libraries and their versions");
  app.footer(kNotes);

  CLI::App* simulate = app.add_subcommand("simulate", "Run a recipe on a trace in virtual time");
  add_simulation(*simulate, parsed.simulate, parsed.edits);
  simulate->footer("Example: srtctl simulate -f recipies/qwen3-32b/agg-round-robin.yaml --workload conversation --speed 2");

  CLI::App* compare = app.add_subcommand("compare", "Run several recipes, or a grid, on the same trace in virtual time");
  parsed.compare.compare = true;
  add_simulation(*compare, parsed.compare, parsed.edits);
  compare->footer(
      "Example: srtctl compare -f A.yaml -f B.yaml --workload conversation\n"
      "         srtctl compare -f A.yaml --workload conversation --grid speed=1,1.5,2 --grid policy=round_robin,cache_aware");

  CLI::App* dry_run = app.add_subcommand("dry-run", "Show nodes, GPUs, ports and command lines of a recipe");
  add_recipe_options(*dry_run, parsed.dry_run.recipes, parsed.edits);
  dry_run->add_option("--launcher", parsed.dry_run.launcher, "slurm, or local: processes of this machine")
      ->check(one_of({"slurm", "local"}))
      ->capture_default_str();
  dry_run->add_flag("--json", parsed.dry_run.json, "Print one JSON document");
  dry_run->footer(
      "A folder given with -f stands for all *.yaml below it. Exit code 2 if one of the recipes has errors.\n"
      "Example: srtctl dry-run -f recipies/qwen3-32b --json");

  add_replay(app, parsed.replay);
  add_serve(app, parsed.serve);
  add_route(app, parsed.route);
  add_recipe_options(*add_submit(app, parsed.submit), parsed.submit.recipes, parsed.edits);
  add_guard(app, parsed.guard);
  add_status(app, parsed.status);
  add_logs(app, parsed.logs);
  add_cancel(app, parsed.cancel);
  add_node_facts(app, parsed.node_facts);
  add_report(app, parsed.report);
  add_calibrate(app, parsed.calibrate);

  add_init(app, parsed.init);
  add_trace_commands(app, parsed);
  add_page_commands(app, parsed);
  group_options(app);
}

Command chosen(const CLI::App& app, Parsed& parsed) {
  const CLI::App* command = app.get_subcommands().front();
  if (command->get_name() == "simulate" || command->get_name() == "compare") {
    SimulateOptions& options = command->get_name() == "compare" ? parsed.compare : parsed.simulate;
    options.edits = edits_of(*command, parsed.edits);
    return std::move(options);
  }
  if (command->get_name() == "dry-run") {
    parsed.dry_run.edits = edits_of(*command, parsed.edits);
    return std::move(parsed.dry_run);
  }
  if (command->get_name() == "route") return std::move(parsed.route);
  if (command->get_name() == "replay") return std::move(parsed.replay);
  if (command->get_name() == "submit") {
    parsed.submit.edits = edits_of(*command, parsed.edits);
    return std::move(parsed.submit);
  }
  if (command->get_name() == launch::kGuardCommand) return std::move(parsed.guard);
  if (command->get_name() == "status") return std::move(parsed.status);
  if (command->get_name() == "logs") return std::move(parsed.logs);
  if (command->get_name() == "cancel") return std::move(parsed.cancel);
  if (command->get_name() == "init") return std::move(parsed.init);
  if (command->get_name() == "completion") return std::move(parsed.completion);
  if (command->get_name() == "man") return std::move(parsed.man);
  if (command->get_name() == "node-facts") return std::move(parsed.node_facts);
  if (command->get_name() == "report") return std::move(parsed.report);
  if (command->get_name() == "calibrate") return std::move(parsed.calibrate);
  if (command->get_name() == "serve") {
    take_unknown(*command, parsed.serve);
    return std::move(parsed.serve);
  }
  const CLI::App* trace = command->get_subcommands().front();
  if (trace->get_name() == "analyze") return std::move(parsed.analyze);
  if (trace->get_name() == "fetch") return std::move(parsed.fetch);
  if (trace->get_name() == "slice") return std::move(parsed.slice);
  return std::move(parsed.synthesize);
}

// Options whose value is empty, which is how a script's unset variable comes out, and never what an option means.
std::string empty_values(const CLI::App& command) {
  std::string all;
  for (const CLI::Option* option : command.get_options()) {
    if (option->count() == 0 || option->get_items_expected_min() == 0) continue;
    const auto& words = option->results();
    if (std::find(words.begin(), words.end(), "") == words.end()) continue;
    all += (all.empty() ? "" : "\nsrtctl: ") + option->get_name() + ": expected a value, found an empty one";
  }
  return all;
}

// What CLI11 cannot say with one option's rule.
std::string mistake(const Command& command, const CLI::App& app) {
  if (const auto* replay = std::get_if<ReplayOptions>(&command)) return replay_mistake(*app.get_subcommands().front(), *replay);
  if (const auto* route = std::get_if<RouteOptions>(&command)) return route_mistake(*app.get_subcommands().front(), *route);
  if (const auto* calibrate = std::get_if<CalibrateOptions>(&command)) return calibrate_mistake(*calibrate);
  const auto* options = std::get_if<SimulateOptions>(&command);
  if (options == nullptr) return {};
  if (!options->compare && options->recipes.size() > 1) return "simulate takes one recipe; to compare several: srtctl compare";
  if (!options->synthetic.empty() && !options->study.find.empty())
    return "--find speed needs a trace: a closed loop has no speed";
  const auto of_speed = [](const std::string& axis) { return axis.starts_with("speed="); };
  if (!options->study.find.empty() && std::any_of(options->study.grids.begin(), options->study.grids.end(), of_speed))
    return "--find speed searches the speed: --grid speed goes without it";
  if (!options->synthetic.empty() && std::any_of(options->study.grids.begin(), options->study.grids.end(), of_speed))
    return "--grid speed needs a trace: a closed loop has no speed";
  return study_mistake(options->study, !options->output_dir.empty());
}

// A first word that is no command, or empty.
std::string unknown_command(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* at = &app;
  int word = 1;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    ++word;
  }
  const auto subcommands = at->get_subcommands([](const CLI::App*) { return true; });
  if (subcommands.empty() || word >= argc || argv[word][0] == '-') return {};
  std::vector<std::string> names;
  names.reserve(subcommands.size());
  for (const CLI::App* subcommand : subcommands) names.push_back(subcommand->get_name());
  const std::string hint = did_you_mean(argv[word], {names.begin(), names.end()});
  return "there is no command '" + std::string(argv[word]) + "'" + (hint.empty() ? "" : ": " + hint);
}

ExitCode usage_error(const std::string& message, const CLI::App& app) {
  const CLI::App* at = &app;
  std::string command = "srtctl";
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    command += " " + at->get_name();
  }
  const std::string text = format_error({.what = message, .hint = {}, .file = {}, .source_line = {}});  // fit for a terminal
  std::fprintf(stderr, "srtctl: %sTry '%s --help'.\n", text.c_str(), command.c_str());
  return ExitCode::bad_input;
}

// Of the command that was given, as far as it was.
CommandDoc doc_of_chosen(const CLI::App& app) {
  CommandDoc doc = describe(app);
  const CLI::App* at = &app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    for (CommandDoc& below : doc.commands) {
      if (below.path.back() != at->get_name()) continue;
      CommandDoc found = std::move(below);
      doc = std::move(found);
      break;
    }
  }
  return doc;
}

}  // namespace

CommandDoc interface_doc() {
  CLI::App app(kAbout, "srtctl");
  Parsed parsed;
  add_commands(app, parsed);
  return describe(app);
}

std::variant<Command, ExitCode> parse(int argc, const char* const* argv) {
  CLI::App app(kAbout, "srtctl");
  Parsed parsed;
  add_commands(app, parsed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    std::fputs(help_text(doc_of_chosen(app)).c_str(), stdout);
    return ExitCode::success;
  } catch (const CLI::CallForVersion& version) {
    std::fputs(version.what(), stdout);
    return ExitCode::success;
  } catch (const CLI::ParseError& error) {
    const std::string unknown = unknown_command(app, argc, argv);
    return usage_error(unknown.empty() ? told(error, app) : unknown, app);
  }
  parsed.replay.command_line = command_line_of(argc, argv);
  parsed.calibrate.command_line = parsed.replay.command_line;
  parsed.replay.server_metrics = !parsed.replay.server_metrics_urls.empty();
  const CLI::App* given = &app;
  while (!given->get_subcommands().empty()) given = given->get_subcommands().front();
  if (const std::string what = empty_values(*given); !what.empty()) return usage_error(what, app);
  Command command = chosen(app, parsed);
  if (const std::string what = mistake(command, app); !what.empty()) return usage_error(what, app);
  return command;
}

}  // namespace infbench::cli
