// What README.md and docs/ tell people to type. Every command line in a block is parsed by the program's own parser, and those
// that need nothing but files are run; in running text, the commands and options that are named must exist. The index of docs/
// reaches every page.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cli/command_doc.h"
#include "cli/options.h"
#include "shell_words.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;

struct Shown {
  std::string where;  // docs/replay.md:7
  std::string text;
};

std::vector<std::string> documents() {
  std::vector<std::string> files = {"README.md"};
  for (const auto& entry : fs::directory_iterator("docs")) {
    if (entry.path().extension() == ".md") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

// The lines of a file's blocks: fenced, or indented by four spaces; lines that end in a backslash are joined.
std::vector<Shown> lines_in_blocks(const std::string& file) {
  std::vector<Shown> lines;
  const std::string text = read_text(file);
  bool fenced = false;
  bool goes_on = false;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.starts_with("```")) fenced = !fenced;
    if (!fenced && !line.starts_with("    ")) continue;
    line.erase(0, line.find_first_not_of(' '));
    const bool backslash = line.ends_with('\\');
    if (backslash) line.pop_back();
    if (goes_on) {
      lines.back().text += line;
    } else {
      lines.push_back({.where = file + ":" + std::to_string(number), .text = line});
    }
    goes_on = backslash;
  }
  return lines;
}

// `srtctl ...` between backticks.
std::vector<Shown> spans(const std::string& file) {
  std::vector<Shown> found;
  const std::string text = read_text(file);
  constexpr std::string_view kStart = "`srtctl ";
  for (std::size_t at = text.find(kStart); at != std::string::npos; at = text.find(kStart, at + 1)) {
    std::string span = text.substr(at + 1, text.find('`', at + 1) - at - 1);
    std::replace(span.begin(), span.end(), '\n', ' ');
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
    found.push_back({.where = file + ":" + std::to_string(line), .text = std::move(span)});
  }
  return found;
}

bool is_srtctl(const std::string& word) { return word == "srtctl" || word.ends_with("/srtctl"); }

// From the word srtctl on; empty if there is none before a word that is no prefix of a command (VARIABLE=..., time, $).
std::vector<std::string> srtctl_words(const std::string& line) {
  std::vector<std::string> words = shell_words(line);
  const auto first = std::find_if(words.begin(), words.end(), is_srtctl);
  const bool prefixed = std::all_of(words.begin(), first, [](const std::string& word) {
    return word == "$" || word.find('=') != std::string::npos || word.ends_with("time") || word.starts_with('-');
  });
  if (first == words.end() || !prefixed) return {};
  words.erase(words.begin(), first);
  std::erase(words, "[...]");
  return words;
}

// What the parser says; empty: it takes the words.
std::string complaint(const std::vector<std::string>& words) {
  std::vector<const char*> argv;
  for (const std::string& word : words) argv.push_back(word.c_str());
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  const auto parsed = cli::parse(static_cast<int>(argv.size()), argv.data());
  testing::internal::GetCapturedStdout();
  const std::string said = testing::internal::GetCapturedStderr();
  const auto* ended = std::get_if<ExitCode>(&parsed);
  return ended == nullptr || *ended == ExitCode::success ? "" : said;
}

// The command that the words name, as far as they do.
const cli::CommandDoc& command_of(const cli::CommandDoc& program, const std::vector<std::string>& words) {
  const cli::CommandDoc* at = &program;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const auto below = std::find_if(at->commands.begin(), at->commands.end(),
                                    [&](const cli::CommandDoc& command) { return command.path.back() == words[i]; });
    if (below == at->commands.end()) break;
    at = &*below;
  }
  return *at;
}

bool has_option(const cli::CommandDoc& command, const std::string& name) {
  return std::any_of(command.options.begin(), command.options.end(), [&](const cli::OptionDoc& option) {
    return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
  });
}

// A folder as somebody has it who has followed the documents: the recipes, and traces under the names that they use.
std::string furnished_folder() {
  const std::string folder = scratch_folder();
  fs::create_directory_symlink(fs::absolute("recipies"), folder + "/recipies");
  fs::create_directory_symlink(fs::absolute("data"), folder + "/data");
  const Finished made = run_program({srtctl_of_preset("release"), "trace", "synthesize", "--like", "conversation", "-o",
                                     folder + "/conversation_trace.jsonl"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  for (const char* name : {"toolagent_trace.jsonl", "trace.jsonl"})
    fs::copy_file(folder + "/conversation_trace.jsonl", folder + "/" + name);
  for (const char* name : {"A.yaml", "B.yaml", "other.yaml"}) fs::copy_file(kAggregated, folder + "/" + name);
  return folder;
}

// RECIPE, FILE: to be replaced by the reader.
bool is_placeholder(const std::string& word) {
  return word.size() > 1 && std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// Needs no network, no server, no Slurm, and ends by itself.
bool is_cheap(const std::vector<std::string>& words) {
  if (words.size() < 2 || std::any_of(words.begin(), words.end(), is_placeholder)) return false;
  if (words[1] == "trace") return words.size() > 2 && words[2] != "fetch";
  for (const char* command : {"simulate", "compare", "dry-run", "init", "completion", "--version", "--help"}) {
    if (words[1] == command) return true;
  }
  return false;
}

TEST(Docs, EveryCommandInABlockIsUnderstood) {
  int commands = 0;
  for (const std::string& file : documents()) {
    for (const Shown& line : lines_in_blocks(file)) {
      const std::vector<std::string> words = srtctl_words(line.text);
      if (words.empty()) continue;
      ++commands;
      EXPECT_EQ(complaint(words), "") << line.where << ": " << line.text;
    }
  }
  EXPECT_GT(commands, 10);
}

TEST(Docs, CommandsThatNeedOnlyFilesRun) {
  const std::string folder = furnished_folder();
  int run = 0;
  const auto try_out = [&](const Shown& shown) {
    std::vector<std::string> words = srtctl_words(shown.text);
    if (!is_cheap(words)) return;
    std::vector<std::string> argv = {"/usr/bin/env", "-C", folder, fs::absolute(srtctl_of_preset("release")).string()};
    argv.insert(argv.end(), words.begin() + 1, words.end());
    const Finished finished = run_program(argv, {"SRTCTL_TRACE_DIR=" + folder});
    EXPECT_EQ(finished.exit_code, 0) << shown.where << ": " << shown.text << "\n" << finished.err;
    ++run;
  };
  for (const std::string& file : documents()) {
    for (const Shown& line : lines_in_blocks(file)) try_out(line);
  }
  const auto try_examples = [&](const auto& self, const cli::CommandDoc& command) -> void {
    for (const std::string& example : command.examples) try_out({.where = "help of " + command.path.back(), .text = example});
    for (const cli::CommandDoc& below : command.commands) self(self, below);
  };
  try_examples(try_examples, cli::interface_doc());
  EXPECT_GT(run, 10);
}

TEST(Docs, ExamplesOfTheHelpAreUnderstood) {
  const auto check = [](const auto& self, const cli::CommandDoc& command) -> void {
    for (const std::string& example : command.examples) EXPECT_EQ(complaint(srtctl_words(example)), "") << example;
    for (const cli::CommandDoc& below : command.commands) self(self, below);
  };
  check(check, cli::interface_doc());
}

TEST(Docs, CommandsAndOptionsNamedInTheTextExist) {
  const cli::CommandDoc program = cli::interface_doc();
  for (const std::string& file : documents()) {
    for (const Shown& span : spans(file)) {
      const std::vector<std::string> words = shell_words(span.text);
      const cli::CommandDoc& command = command_of(program, words);
      const bool named = words.size() > 1 && (command.path.size() > 1 || words[1].starts_with('-'));
      EXPECT_TRUE(named) << span.where << ": no such command: " << span.text;
      for (const std::string& word : words) {
        if (!word.starts_with('-') || word.size() < 2) continue;
        const std::string name = word.substr(0, word.find('='));
        EXPECT_TRUE(has_option(command, name)) << span.where << ": no such option: " << span.text;
      }
    }
  }
}

// The targets of the links and pictures in a file, without what follows '#'.
std::vector<std::string> targets(const std::string& file) {
  std::vector<std::string> found;
  const std::string text = read_text(file);
  for (std::size_t at = text.find("]("); at != std::string::npos; at = text.find("](", at + 1)) {
    const std::size_t begin = at + 2;
    found.push_back(text.substr(begin, text.find_first_of("#)", begin) - begin));
  }
  return found;
}

TEST(Docs, TheIndexHasEveryPageAndSomePageEveryPicture) {
  const std::vector<std::string> in_readme = targets("README.md");
  EXPECT_NE(std::find(in_readme.begin(), in_readme.end(), "docs/README.md"), in_readme.end());
  const std::vector<std::string> in_index = targets("docs/README.md");
  std::vector<std::string> everywhere;
  for (const std::string& file : documents()) {
    const std::vector<std::string> here = targets(file);
    everywhere.insert(everywhere.end(), here.begin(), here.end());
    if (file == "README.md" || file == "docs/README.md") continue;
    const std::string name = fs::path(file).filename().string();
    EXPECT_NE(std::find(in_index.begin(), in_index.end(), name), in_index.end()) << "not in docs/README.md: " << name;
  }
  for (const auto& entry : fs::directory_iterator("docs/images")) {
    const std::string name = "images/" + entry.path().filename().string();
    EXPECT_TRUE(
        std::any_of(everywhere.begin(), everywhere.end(), [&](const std::string& target) { return target.ends_with(name); }))
        << "shown nowhere: " << name;
  }
}

TEST(Docs, CommandsOfDevExist) {
  const std::string help = run_program({"./dev", "help"}).out;
  for (const std::string& file : documents()) {
    for (const Shown& line : lines_in_blocks(file)) {
      const std::vector<std::string> words = shell_words(line.text);
      if (words.size() < 2 || words[0] != "./dev") continue;
      EXPECT_NE(help.find("./dev " + words[1]), std::string::npos) << line.where << ": " << line.text;
    }
  }
}

}  // namespace
}  // namespace infbench::tests
