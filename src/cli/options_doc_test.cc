// The description of the command line, against a small one and against our own.
#include "cli/options_doc.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include <CLI/CLI.hpp>

#include "cli/help_pages.h"

namespace infbench::cli {
namespace {

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A man page without the escapes that roff needs.
std::string without_escapes(const std::string& roff) {
  std::string out;
  for (std::size_t i = 0; i < roff.size(); ++i) {
    if (roff[i] == '\\' && i + 1 < roff.size() && roff[i + 1] == '-') continue;
    out += roff[i];
  }
  return out;
}

// All commands, those below others too, without the program itself.
void for_each_command(const CommandDoc& command, const std::function<void(const CommandDoc&)>& visit) {
  for (const CommandDoc& below : command.commands) {
    visit(below);
    for_each_command(below, visit);
  }
}

TEST(OptionsDoc, SaysWhatTheOptionsSay) {
  CLI::App app("About", "prog");
  std::string mode = "fast";
  std::vector<std::string> files;
  CLI::App* run = app.add_subcommand("run", "Runs");
  run->add_option("-m,--mode", mode, "How")->check(CLI::IsMember({"fast", "slow"}))->capture_default_str()->group("Speed");
  run->add_option("file", files, "What")->required()->type_name("FILE");
  run->add_flag("--json")->description("As JSON");
  run->add_option("--secret", mode)->group("");
  run->footer("A note.\nExamples:\n  prog run A.txt\n  prog run --mode slow \\\n    B.txt");
  app.add_subcommand("inner", "Not for people")->group("");

  const CommandDoc doc = describe(app);
  ASSERT_EQ(doc.commands.size(), 1U) << "hidden commands are left out";
  const CommandDoc& command = doc.commands[0];
  EXPECT_EQ(command.path, (std::vector<std::string>{"prog", "run"}));
  EXPECT_EQ(command.notes, "A note.\n");
  EXPECT_EQ(command.examples, (std::vector<std::string>{"prog run A.txt", "prog run --mode slow \\\n    B.txt"}));
  ASSERT_EQ(command.options.size(), 4U) << "with --help, without the hidden one";
  const OptionDoc& how = command.options[1];
  EXPECT_EQ(how.names, (std::vector<std::string>{"-m", "--mode"}));
  EXPECT_EQ(how.choices, (std::vector<std::string>{"fast", "slow"}));
  EXPECT_EQ(how.value, "fast|slow");
  EXPECT_EQ(how.fallback, "fast");
  EXPECT_EQ(how.group, "Speed");
  EXPECT_TRUE(command.options[2].positional && command.options[2].required && command.options[2].repeatable);
  EXPECT_EQ(command.options[3].value, "") << "a flag";
}

TEST(HelpPages, EveryOptionOfEveryCommandIsInHelpManPageAndCompletion) {
  const CommandDoc program = interface_doc();
  const std::vector<ManPage> pages = man_pages(program, "1.2.3");
  const std::string completion = bash_completion(program);
  std::size_t commands = 0;
  for_each_command(program, [&](const CommandDoc& command) {
    ++commands;
    std::string file;
    std::string words;
    for (std::size_t i = 0; i < command.path.size(); ++i) file += (i > 0 ? "-" : "") + command.path[i];
    for (std::size_t i = 1; i < command.path.size(); ++i) words += (i > 1 ? " " : "") + command.path[i];
    std::string page;
    for (const ManPage& each : pages) {
      if (each.file == file + ".1") page = without_escapes(each.text);
    }
    ASSERT_NE(page, "") << file;
    const std::size_t at = completion.find("\n    '" + words + "') words='");
    ASSERT_NE(at, std::string::npos) << words;
    const std::string line = completion.substr(at + 1, completion.find('\n', at + 1) - at - 1) + " ";
    const std::string help = help_text(command);
    for (const OptionDoc& option : command.options) {
      EXPECT_NE(option.help, "") << file << ": " << option.names.front();
      for (const std::string& name : option.names) {
        EXPECT_TRUE(has(page, "\\fB" + name + "\\fR")) << file << ": " << name;
        EXPECT_TRUE(has(help, name)) << file << ": " << name;
        const bool listed = has(line, " " + name + " ") || has(line, "'" + name + " ") || has(line, " " + name + "'");
        EXPECT_TRUE(option.positional || listed) << name << "\n" << line;
      }
    }
    EXPECT_FALSE(command.examples.empty()) << file << " has no example";
  });
  EXPECT_GT(commands, 12U);
  EXPECT_EQ(pages.size(), commands + 1);
}

TEST(HelpPages, HelpFitsHundredColumns) {
  for_each_command(interface_doc(), [](const CommandDoc& command) {
    const std::string text = help_text(command);
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = text.find('\n', at);
      EXPECT_LE(end - at, 100U) << text.substr(at, end - at);
      at = end + 1;
    }
  });
}

TEST(HelpPages, LongExamplesGoOnBelow) {
  CommandDoc program{.path = {"prog"}, .about = "It", .group = {}, .options = {}, .examples = {}, .notes = {}, .commands = {}};
  program.examples = {"prog --first " + std::string(60, 'a') + " --second " + std::string(30, 'b') + " --third c"};
  EXPECT_TRUE(has(help_text(program),
                  "  prog --first " + std::string(60, 'a') + " \\\n    --second " + std::string(30, 'b') + " --third c\n"))
      << help_text(program);
}

TEST(HelpPages, LinesThatRoffWouldTakeForRequestsAreEscaped) {
  CommandDoc program{.path = {"prog"},
                     .about = "It",
                     .group = {},
                     .options = {},
                     .examples = {},
                     .notes = ".hidden\n'quoted\n",
                     .commands = {}};
  program.examples = {"prog a \\\n    b"};
  const std::string page = man_pages(program, "1")[0].text;
  EXPECT_TRUE(has(page, "\n\\&.hidden\n\\&'quoted\n")) << page;
  EXPECT_TRUE(has(page, "prog a \\e\n    b")) << page;
}

}  // namespace
}  // namespace infbench::cli
