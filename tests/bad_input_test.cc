// What people get wrong on the command line, in recipes and in traces: tests/bad_input/*.txt has every case with all that
// srtctl answers. Each runs in a process of its own and has to end by itself, and nothing may be written by it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bad_cases.h"
#include "cli/commands.h"
#include "recipe/bad_recipes_for_test.h"
#include "shell_words.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;
using recipe::test::BadRecipe;

constexpr unsigned kMostSeconds = 60;  // of one case; they take milliseconds

constexpr std::string_view kRow = R"({"timestamp": 0, "input_length": 600, "output_length": 5, "hash_ids": [1, 2]})";

// Everything below a folder, with what is in it.
std::string listing(const std::string& folder) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const bool file = !entry.is_symlink() && entry.is_regular_file();
    lines.push_back(entry.path().string() + (file ? ": " + read_text(entry.path()) : "") + "\n");
  }
  std::sort(lines.begin(), lines.end());
  std::string all;
  for (const std::string& line : lines) all += line;
  return all;
}

// A folder with what the cases name: recipes, a trace, things that are neither. It is work/ in a folder of its own, so that
// what is written to ../x is seen too.
class Desk {
 public:
  Desk() : outside_(scratch_folder()), work_(outside_ + "/work") {
    fs::create_directories(work_ + "/folder");
    put("good.yaml", read_text(std::string(kAggregated)));
    put("pair.yaml", read_text(std::string(kDisaggregated)));
    put("trace.jsonl", std::string(kRow) + "\n");
    put("empty", "");
    put("binary", std::string("\x7f"
                              "ELF\x02\x01\x01\0\0\0\xff\xfe",
                              12));
    put("trace.jsonl.gz", std::string("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10));
    fs::create_symlink("loop", work_ + "/loop");
    put("srtslurm.yaml", "");
  }

  void put(const std::string& name, std::string_view text) const { write_text(work_ + "/" + name, text); }
  std::string read(const std::string& name) const { return read_text(work_ + "/" + name); }

  // Exit code and all that is printed by `body`, which runs with this folder as the current one. Nothing may be written.
  std::string answer(const std::function<int()>& body) const {
    const std::string before = listing(outside_);
    const Finished run = run_forked(
        [&] {
          fs::current_path(work_);
          for (const char* name : {"HOME", "XDG_CACHE_HOME"}) setenv(name, outside_.c_str(), 1);
          for (const char* name : {"SRTCTL_TRACE_DIR", "SRTSLURM_CONFIG", "SLURM_JOB_ID"}) unsetenv(name);
          setenv("PATH", "/nowhere", 1);
          return body();
        },
        kMostSeconds);
    EXPECT_EQ(listing(outside_), before) << "something was written";
    std::string text = "exit " + std::to_string(run.exit_code) + "\n" + run.err;
    if (!run.out.empty()) text += "stdout:\n" + run.out;
    return shown(text, {{"DIR", work_}, {"OUTSIDE", outside_}, {"SOURCE", SOURCE_DIR}});
  }

 private:
  std::string outside_;
  std::string work_;
};

int run_command_line(const std::vector<std::string>& words) {
  std::vector<const char*> argv = {"srtctl"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const auto parsed = cli::parse(static_cast<int>(argv.size()), argv.data());
  if (const auto* ended = std::get_if<ExitCode>(&parsed)) return static_cast<int>(*ended);
  return static_cast<int>(std::visit([](const auto& options) { return cli::run(options); }, std::get<cli::Command>(parsed)));
}

template <typename Options>
std::function<int()> running(const Options& options) {
  return [options] { return static_cast<int>(cli::run(options)); };
}

cli::DryRunOptions dry_run(const std::string& recipe, const std::vector<recipe::Edit>& edits) {
  cli::DryRunOptions options;
  options.recipes = {recipe};
  options.edits = edits;
  return options;
}

cli::SimulateOptions simulate(const std::string& recipe, const std::string& trace,
                              const std::vector<recipe::Edit>& edits = {}) {
  cli::SimulateOptions options;
  options.recipes = {recipe};
  options.trace.file = trace;
  options.edits = edits;
  return options;
}

// The name is the command line, or its first line of input, after "$".
TEST(BadInput, CommandLines) {
  const Desk desk;
  check_bad_cases("command_lines", 400, [&](const BadCase& bad) {
    const std::string line = bad.input.empty() ? bad.name : bad.input.front().substr(1);
    std::vector<std::string> words = shell_words(line);
    for (std::string& word : words) word = expand(word);
    return desk.answer([&] { return run_command_line(words); });
  });
}

// Of a line "KEY REST" the rest, if that is its key.
std::optional<std::string> after(std::string_view key, const std::string& line) {
  if (!line.starts_with(key) || (line.size() > key.size() && line[key.size()] != ' ')) return std::nullopt;
  return line.size() > key.size() ? line.substr(key.size() + 1) : "";
}

// Lines of input: "- x" and "+ x" change good.yaml ("pair": pair.yaml), "| x" is a line of a whole new one, "file x" names one
// of the desk; "cluster x" is a line of srtslurm.yaml, "set x" and "unset x" are edits. What goes for dry-run goes for
// simulate.
TEST(BadInput, Recipes) {
  const Desk desk;
  check_bad_cases("recipes", 100, [&](const BadCase& bad) {
    std::string base = "good.yaml";
    std::string file = "bad.yaml";
    std::string whole;
    std::string cluster;
    std::vector<recipe::test::Change> changes;
    std::vector<recipe::Edit> edits;
    char previous = ' ';
    for (const std::string& line : bad.input) {
      if (line == "pair") base = "pair.yaml";
      if (const auto text = after("|", line)) whole += expand(*text) + "\n";
      if (const auto text = after("file", line)) file = expand(*text);
      if (const auto text = after("cluster", line)) cluster += expand(*text) + "\n";
      if (const auto text = after("set", line)) edits.push_back({recipe::Edit::Kind::set, expand(*text)});
      if (const auto text = after("unset", line)) edits.push_back({recipe::Edit::Kind::unset, expand(*text)});
      recipe::test::add_to_changes(line.starts_with("+ ") ? expand(line) : line, previous, changes);
      previous = line.empty() ? ' ' : line.front();
    }
    const auto text = whole.empty() ? recipe::test::changed(desk.read(base), changes) : whole;
    if (!text) return std::string("the lines to take out are not there\n");
    desk.put("bad.yaml", text->substr(0, text->find("@END@")));
    desk.put("srtslurm.yaml", cluster);
    return in_sections({{"dry-run", desk.answer(running(dry_run(file, edits)))},
                        {"simulate", desk.answer(running(simulate(file, "trace.jsonl", edits)))}});
  });
}

// The recipes of the room's own test, through the program: its errors, exit code 2, nothing else.
TEST(BadInput, RecipesOfTheRoom) {
  const Desk desk;
  std::size_t count = 0;
  for (const char* file : recipe::test::kBadRecipeFiles) {
    for (const BadRecipe& bad : recipe::test::read_bad_recipes(file)) {
      const auto text = recipe::test::changed(bad.base, bad.changes);
      ASSERT_TRUE(text) << bad.why;
      desk.put("bad.yaml", *text);
      const std::string answer = desk.answer(running(dry_run("bad.yaml", recipe::all_set(bad.sets))));
      EXPECT_TRUE(answer.starts_with("exit 2\nbad.yaml:")) << bad.why << "\n" << answer;
      EXPECT_EQ(answer.find("stdout:"), std::string::npos) << bad.why;
      std::size_t at = 0;
      for (const std::string& error : bad.errors) {
        const std::string line =
            (error.starts_with("--set:") ? "bad.yaml: --set:" + error.substr(6) : "bad.yaml:" + error) + "\n";
        at = answer.find(line, at);
        ASSERT_NE(at, std::string::npos) << bad.why << "\nexpected: " << line << "\nprinted: " << answer;
      }
      ++count;
    }
  }
  EXPECT_GE(count, 150U);
}

// Lines of input are those of the trace; @ROW@ is a good one, @END@ the end without a line feed.
TEST(BadInput, Traces) {
  const Desk desk;
  check_bad_cases("traces", 70, [&](const BadCase& bad) {
    std::string text;
    for (const std::string& line : bad.input) text += expand(line, {{"ROW", std::string(kRow)}}) + "\n";
    desk.put("bad.jsonl", text.substr(0, text.find("@END@")));
    return in_sections({{"trace analyze", desk.answer(running(cli::TraceAnalyzeOptions{.file = "bad.jsonl"}))},
                        {"simulate", desk.answer(running(simulate("good.yaml", "bad.jsonl")))}});
  });
}

}  // namespace
}  // namespace infbench::tests
