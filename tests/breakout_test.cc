// Text of recipes, of srtslurm.yaml and of paths that tries to get out of where it stands: out of a word of a command line or
// of the batch script, which a real bash runs here; and out of the output folder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "cost/write_model.h"
#include "plan/plan.h"
#include "plan/plan_output.h"
#include "plan/words.h"
#include "process.h"
#include "recipe/read_recipe.h"
#include "recipe/recipe_samples.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

// Each would leave the file `broken_out` behind, or come out as other words, where a shell reads it as more than text.
const Words& hostile() {
  static const Words table{"'; touch broken_out; '",
                           "\"; touch broken_out; \"",
                           "$(touch broken_out)",
                           "`touch broken_out`",
                           "${IFS}$(touch${IFS}broken_out)",
                           "x; touch broken_out",
                           "x\ntouch broken_out\n",
                           "x\r\ntouch broken_out\r\n",
                           "x && touch broken_out || touch broken_out",
                           "x | tee broken_out",
                           "x > broken_out",
                           "x & touch broken_out &",
                           "*",
                           "?[a-z]*{a,b}",
                           "~root",
                           "!!",
                           "#comment",
                           "\\",
                           "a\\",
                           "'",
                           "\"",
                           "''\"\"'\"'",
                           "$HOME ${HOME} $0 $@ $#",
                           "$'\\x27; touch broken_out'",
                           "-rf",
                           "--wrap=touch broken_out",
                           "<(touch broken_out)",
                           "\t tab and  blanks ",
                           "\xc3\xa4\xe2\x80\x98\xe2\x80\xa8\xf0\x9f\x98\x80",
                           "EOF",
                           "\n#SBATCH --wrap=broken_out",
                           ""};
  return table;
}

// As a YAML text in double quotes.
std::string yaml(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

// Where a text of the recipe may stand, what has to be before it to be such a text at all, and what else the field needs. Of a
// field that is written in a way of its own, which no text of the table is, a text that it takes.
struct Field {
  std::string key;
  std::string before = {};
  std::string after = {};
  Words more = {};
  std::string takes_only = {};
};

const std::vector<Field>& fields() {
  static const Words aiperf{"benchmark.client=aiperf"};
  static const std::vector<Field> table{
      {"name"},
      {"model.path", "/models/"},
      {"model.container"},
      {"model.stage_dir", "/local/"},
      {"environment.EVIL"},
      {"container_mounts", "{/evil: \"/evil", "\"}"},
      {"extra_mount", "[\"/evil", ":/other\"]"},
      {"srun_options.comment"},
      {"sbatch_directives.comment"},
      {"setup_script"},
      {"slurm.account"},
      {"slurm.partition"},
      {"slurm.time_limit", "", "", {}, "01:30:00"},
      {"frontend.args.log-dir"},
      {"frontend.env.EVIL"},
      {"backend.aggregated_environment.EVIL"},
      {"backend.sglang_config.aggregated.served-model-name"},
      {"backend.sglang_config.aggregated.chat-template"},
      {"backend.kv_events_config", "{aggregated: {publisher: zmq, topic: ", "}}"},
      {"benchmark.env.EVIL"},
      {"benchmark.require", "", "", {}, "goodput_fraction>=0.9"},
      {"benchmark.trace_file", "/traces/", "", {"benchmark.type=trace-replay", "benchmark.mooncake_workload="}},
      {"benchmark.aiperf_package", "", "", aiperf},
      {"benchmark.container_image", "", "", aiperf},
      {"benchmark.aiperf_args.header", "", "", aiperf},
      {"output.log_dir"},
  };
  return table;
}

std::vector<recipe::Edit> edits_of(const Field& field, const std::string& text) {
  std::vector<recipe::Edit> edits;
  for (const std::string& set : field.more) {
    const bool away = set.ends_with('=');
    edits.push_back({away ? recipe::Edit::Kind::unset : recipe::Edit::Kind::set, away ? set.substr(0, set.size() - 1) : set});
  }
  // Inside a list or mapping the text's quotes are those of `before` and `after`, or its own.
  const std::string quoted = yaml(field.before.starts_with('/') ? field.before + text : text);
  const bool in_quotes = field.before.find('"') != std::string::npos;
  const std::string value = field.before.starts_with('/') || field.before.empty()
                                ? quoted
                                : field.before + (in_quotes ? quoted.substr(1, quoted.size() - 2) : quoted) + field.after;
  edits.push_back({recipe::Edit::Kind::set, field.key + "=" + value});
  return edits;
}

// One worker, the client, the router, a copy of the model.
std::string one_worker() {
  return recipe::edited(recipe::kAggregated, {{"agg_nodes: 2", "agg_nodes: 1"},
                                              {"agg_workers: 8", "agg_workers: 1"},
                                              {"tensor-parallel-size: 2", "tensor-parallel-size: 8"}});
}

// A folder with programs that write down the words and variables they were started with, and do nothing else.
class StandIns {
 public:
  explicit StandIns(std::string folder) : folder_(std::move(folder)) {
    fs::create_directories(folder_ + "/bin");
    fs::create_directories(folder_ + "/cwd");
    fs::create_symlink("/bin/mkdir", folder_ + "/bin/mkdir");
  }

  std::string add(const std::string& path) const {
    write_text(path,
               "#!/bin/bash\nprintf '%s\\0' \"${0##*/}\" \"$@\" >\"$STAND_INS/words\"\n"
               "while IFS= read -r -d '' v; do printf '%s\\0' \"$v\"; done </proc/$$/environ >\"$STAND_INS/variables\"\n");
    EXPECT_EQ(::chmod(path.c_str(), 0755), 0);
    return path;
  }
  void add_all(const Words& names) const {
    for (const std::string& name : names) add(folder_ + "/bin/" + name);
  }

  // Runs the program in an empty folder.
  Finished run(const Words& argv, const Words& more = {}) const {
    fs::remove(folder_ + "/words");
    Words command{"/usr/bin/env", "-i", "-C", folder_ + "/cwd", "PATH=" + folder_ + "/bin:/bin", "STAND_INS=" + folder_};
    command.insert(command.end(), more.begin(), more.end());
    command.insert(command.end(), argv.begin(), argv.end());
    return run_program(command);
  }
  Finished run_script(const std::string& script, const Words& more = {}) const {
    const std::string file = write_text(folder_ + "/script", script);
    const Finished checked = run({"/bin/bash", "-n", file}, more);
    EXPECT_EQ(checked.exit_code, 0) << checked.err << "\n" << script;
    return run({"/bin/bash", file}, more);
  }

  Words words() const { return parts_of(folder_ + "/words"); }
  Words variables() const { return parts_of(folder_ + "/variables"); }
  bool clean() const { return fs::is_empty(folder_ + "/cwd"); }
  const std::string& folder() const { return folder_; }

 private:
  static Words parts_of(const std::string& file) {
    const std::string text = read_text(file);
    Words parts;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\0', at);
      parts.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    return parts;
  }

  std::string folder_;
};

plan::Site site_of(const StandIns& programs) {
  plan::Site site;
  site.job = "12345";
  site.output_dir = "/out/12345";
  site.program = programs.add(programs.folder() + "/bin/srtctl");
  return site;
}

std::vector<const plan::Command*> commands_of(const plan::Plan& plan) {
  std::vector<const plan::Command*> all{&plan.router.command};
  for (const plan::WorkerProcess& process : plan.processes) all.push_back(&process.command);
  for (const plan::Command& command : plan.staging) all.push_back(&command);
  for (const auto& command : {&plan.benchmark.warmup, &plan.benchmark.command}) {
    if (*command) all.push_back(&**command);
  }
  return all;
}

// The line that dry-run prints, read by bash: the same words, the same variables.
void expect_same_words(const StandIns& programs, const plan::Command& command, const std::string& where) {
  const Finished ran = programs.run({"/bin/bash", "-c", plan::shell_line(command.environment, command.launch_argv) + "\n"});
  EXPECT_EQ(ran.exit_code, 0) << where << ran.err;
  EXPECT_EQ(programs.words(), command.launch_argv) << where;
  for (const auto& [name, value] : command.environment) {
    EXPECT_THAT(programs.variables(), ::testing::Contains(name + "=" + value)) << where;
  }
  EXPECT_TRUE(programs.clean()) << where;
}

TEST(BreakOut, EveryTextOfARecipeIsRefusedOrStaysOneWord) {
  const StandIns programs(scratch_folder());
  programs.add_all({"srun"});
  const plan::Site site = site_of(programs);
  const auto inventory = plan::placeholder_inventory(1);
  std::size_t taken = 0;
  for (const Field& field : fields()) {
    std::size_t of_field = 0;
    for (const std::string& text : hostile()) {
      const std::string where = field.key + " <" + text + ">\n";
      const auto recipe = recipe::read_recipe_text(one_worker(), "r.yaml", edits_of(field, text));
      if (!recipe) {
        EXPECT_THAT(format_errors(recipe.error()), ::testing::AnyOf(HasSubstr("expected"), HasSubstr("is not set"))) << where;
        continue;
      }
      ++of_field;
      const auto plan = plan::make_plan(*recipe, inventory, site);
      ASSERT_TRUE(plan.has_value()) << where << format_errors(plan.error());
      bool there = false;
      for (const plan::Command* command : commands_of(*plan)) {
        std::string all = plan::shell_line(command->environment, command->launch_argv);
        const bool has =
            all.find(plan::shell_quote(text)) != std::string::npos || text.empty() || all.find(text) != std::string::npos;
        if (has && !std::exchange(there, true)) expect_same_words(programs, *command, where);
      }
    }
    EXPECT_EQ(of_field == 0, !field.takes_only.empty()) << field.key << " takes " << of_field;
    const auto good = recipe::read_recipe_text(one_worker(), "r.yaml", edits_of(field, field.takes_only));
    EXPECT_TRUE(good || field.takes_only.empty()) << field.key << " was refused for another reason: its texts test nothing";
    taken += of_field;
  }
  EXPECT_GT(taken, 300U) << "the table no longer reaches the plan";
}

TEST(BreakOut, NoTextOfARecipeOrClusterGetsOutOfTheBatchScript) {
  const StandIns programs(scratch_folder());
  for (const std::string& text : hostile()) {
    if (text.find('\n') != std::string::npos) continue;  // of a folder's name: below
    std::vector<recipe::Edit> edits;
    for (const Field& field : fields()) {
      const auto own = edits_of(field, text);
      if (!field.more.empty() || !recipe::read_recipe_text(one_worker(), "r.yaml", own)) continue;
      edits.insert(edits.end(), own.begin(), own.end());
    }
    recipe::Cluster cluster;
    for (const char* key : {"default_account", "default_partition", "default_sbatch_directives"}) {
      const bool map = std::string_view(key) == "default_sbatch_directives";
      const auto read = recipe::read_cluster_text(
          std::string(key) + ": " + (map ? "{reservation: " + yaml(text) + "}" : yaml(text)) + "\n", "srtslurm.yaml");
      if (!read) continue;
      if (read->default_account) cluster.default_account = read->default_account;
      if (read->default_partition) cluster.default_partition = read->default_partition;
      if (!read->default_sbatch_directives.empty()) cluster.default_sbatch_directives = read->default_sbatch_directives;
    }
    const auto recipe = recipe::read_recipe_text(one_worker(), "r.yaml", edits, cluster);
    ASSERT_TRUE(recipe.has_value()) << format_errors(recipe.error());
    plan::Site site = site_of(programs);
    site.cluster = cluster;
    const std::string script = plan::batch_script(*recipe, site, "/out");
    const Finished ran = programs.run_script(script, {"SLURM_JOB_ID=7"});
    EXPECT_EQ(ran.exit_code, 0) << text << ran.err;
    EXPECT_EQ(ran.out + ran.err, "") << text;
    EXPECT_THAT(programs.words(), ::testing::ElementsAre("srtctl", "submit", "--launcher", "srun", "-f",
                                                         ::testing::StartsWith("/out/7/recipe_"), "-o", "/out/7"))
        << text;
    EXPECT_TRUE(programs.clean()) << text;
  }
}

// How many lines sbatch takes for directives.
std::ptrdiff_t directives(const std::string& script) {
  const std::string head = script.substr(0, script.find("\nout="));
  std::ptrdiff_t count = 0;
  for (std::size_t at = head.find("\n#SBATCH"); at != std::string::npos; at = head.find("\n#SBATCH", at + 1)) ++count;
  return count;
}

// Paths that are not a recipe's: where the program lies, where results and traces are. They may have any byte but '/' and NUL.
TEST(BreakOut, NorDoesAnyPath) {
  const StandIns programs(scratch_folder());
  const auto recipe = recipe::read_recipe_text(one_worker(), "r.yaml");
  ASSERT_TRUE(recipe.has_value());
  for (const std::string& text : hostile()) {
    const std::string name = programs.folder() + "/p" + text;
    fs::create_directories(name);
    plan::Site site;
    site.program = programs.add(name + "/srtctl");
    site.trace_dir = name;
    const std::string script = plan::batch_script(*recipe, site, name);
    // sbatch reads directives up to the first line that is neither a comment nor empty.
    EXPECT_EQ(directives(script), directives(plan::batch_script(*recipe, site, "/out"))) << script;
    const Finished ran = programs.run_script(script, {"SLURM_JOB_ID=7"});
    EXPECT_EQ(ran.exit_code, 0) << text << ran.err;
    EXPECT_EQ(programs.words(),
              (Words{"srtctl", "submit", "--launcher", "srun", "-f", name + "/7/" + plan::kResolvedRecipe, "-o", name + "/7"}))
        << text;
    EXPECT_THAT(programs.variables(), ::testing::Contains("SRTCTL_TRACE_DIR=" + name)) << text;
    EXPECT_TRUE(programs.clean()) << text;
  }
}

// The three constant lines of bash that are in plans: each takes what comes from the recipe as arguments.
TEST(BreakOut, LinesOfBashInAPlanTakeArgumentsAsTheyAre) {
  const StandIns programs(scratch_folder());
  programs.add_all({"python3", "rsync", "aiperf"});
  const std::string root = programs.folder() + "/r";
  for (const std::string& text : hostile()) {
    recipe::Recipe recipe = recipe::read_recipe_text(one_worker(), "r.yaml").value();
    recipe.model.path = root + "/from" + text;
    recipe.model.stage_dir = root + "/to" + text;
    recipe.benchmark.client = "aiperf";
    recipe.benchmark.aiperf_package = "p" + text;
    const auto plan = plan::make_plan(recipe, plan::placeholder_inventory(1), site_of(programs));
    ASSERT_TRUE(plan.has_value()) << format_errors(plan.error());

    EXPECT_EQ(programs.run(plan->staging.front().argv).exit_code, 0) << text;
    EXPECT_EQ(programs.words(), (Words{"rsync", "-a", recipe.model.path + "/", *recipe.model.stage_dir + "/from" + text + "/"}))
        << text;
    const Words& client = plan->benchmark.command->argv;
    EXPECT_EQ(programs.run(client).exit_code, 0) << text;
    EXPECT_EQ(programs.words(), Words(client.begin() + 4, client.end())) << text;
    fs::remove(programs.folder() + "/bin/aiperf");
    EXPECT_NE(programs.run(client).exit_code, 0) << "the stand-in for pip installs nothing";
    EXPECT_EQ(programs.words(), (Words{"python3", "-m", "pip", "install", "p" + text})) << text;
    programs.add_all({"aiperf"});

    recipe.model.stage_dir.reset();
    recipe.setup_script = "setup" + text;
    plan::Site site = site_of(programs);
    site.launcher = plan::LauncherKind::local;
    site.port_base = 20000;
    site.working_dir = root + "/work" + text;
    fs::create_directories(site.working_dir + "/configs");
    write_text(site.working_dir + "/configs/setup" + text, "exit 0\n");
    const auto local = plan::make_plan(recipe, plan::one_host_inventory(1, "127.0.0.1"), site);
    ASSERT_TRUE(local.has_value());
    const Words& worker = local->processes.front().command.argv;
    EXPECT_EQ(programs.run(worker).exit_code, 0) << text;
    EXPECT_EQ(programs.words(), Words(worker.begin() + 4, worker.end())) << text;
    EXPECT_TRUE(programs.clean()) << text;
  }
}

// ---- Out of a folder

const Words& names_that_climb() {
  static const Words table{"..", "../x", "../../x", "a/../../x", "/tmp/x", "a/b", "./../x", ".", "a\\..\\x", "..\n", "x/.."};
  return table;
}

TEST(BreakOut, NamesInARecipeDoNotLeaveTheOutputFolder) {
  struct Case {
    std::string key;
    bool may_be_absolute = false;
  };
  for (const Case& one : {Case{"name"}, {"setup_script"}, {"output.log_dir", true}}) {
    for (const std::string& text : names_that_climb()) {
      if (one.may_be_absolute &&
          (text == "a/b" || text == "." || text.starts_with('/') || text.find('\\') != std::string::npos))
        continue;
      if (one.key == "setup_script" && text == ".") continue;
      const auto read = recipe::read_recipe_text(one_worker(), "r.yaml", edits_of({one.key}, text));
      EXPECT_FALSE(read.has_value()) << one.key << " <" << text << ">";
    }
  }
  // The model's name in requests may be anything; of it the benchmark's folder is made.
  for (const std::string& text : names_that_climb()) {
    const auto read = recipe::read_recipe_text(one_worker(), "r.yaml",
                                               edits_of({"backend.sglang_config.aggregated.served-model-name"}, text));
    if (!read) continue;
    plan::Site site;
    site.output_dir = "/out/1";
    const auto plan = plan::make_plan(*read, plan::placeholder_inventory(1), site);
    ASSERT_TRUE(plan.has_value());
    const fs::path folder = fs::path(plan->benchmark.artifacts_dir);
    EXPECT_EQ(folder.lexically_normal().parent_path(), "/out/1/artifacts") << text;
  }
  for (const std::string& variant : names_that_climb()) {
    const std::string folder = recipe::folder_name("sample," + variant);
    EXPECT_EQ(folder.find('/'), std::string::npos) << variant;
    EXPECT_NE(folder, "..");
  }
}

TEST(BreakOut, NamesInATableOfStepTimesDoNotLeaveTheFolder) {
  for (const std::string& text : names_that_climb()) {
    const std::string file = cost::model_file_name({.model = text, .precision = text, .gpu = text, .tp = 1, .engine = text});
    EXPECT_EQ(file.find_first_of("/\n"), std::string::npos) << text;
    EXPECT_TRUE(file.ends_with(".yaml")) << file;
  }
  EXPECT_EQ(cost::model_file_name({.model = "a/Q w", .precision = "bf16", .gpu = "h200_sxm", .tp = 2, .engine = "sglang"}),
            "q-w.bf16.h200_sxm.tp2.sglang.yaml");
}

// The name of a log is looked for among the logs there are, never opened.
TEST(BreakOut, TheNameOfALogIsNotAPath) {
  const std::string folder = scratch_folder();
  fs::create_directories(folder + "/outputs/run/logs");
  write_text(folder + "/outputs/run/status.json", R"({"job": "run", "phase": "ended", "launcher": "local"})");
  write_text(folder + "/outputs/run/logs/router.out", "hello\n");
  write_text(folder + "/outputs/secret.out", "not for you\n");
  const Finished log = srtctl({"logs", "run", "router", "--output-dir", folder + "/outputs"});
  EXPECT_EQ(log.out, "hello\n") << log.err;
  const Finished climbed = srtctl({"logs", "run", "../../secret", "--output-dir", folder + "/outputs"});
  EXPECT_EQ(climbed.exit_code, 2);
  EXPECT_THAT(climbed.out + climbed.err, Not(HasSubstr("not for you")));
}

}  // namespace
}  // namespace infbench::tests
