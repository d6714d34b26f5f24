// The .deb and the tarball that `./dev package` made: unpacked into a folder and run from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/command_doc.h"
#include "srtctl.h"

namespace infbench::tests {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPackages = "build/release/packages";

std::string package(const std::string& extension) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(kPackages, error)) {
    if (entry.path().string().ends_with(extension)) return fs::absolute(entry.path()).string();
  }
  ADD_FAILURE() << "there is no " << extension << " in " << kPackages << ": ./dev package makes it";
  return {};
}

// Unpacked; the folder with bin/ and share/.
std::string unpacked_deb() {
  const std::string folder = scratch_folder();
  const Finished unpacked = run_program({"/usr/bin/dpkg-deb", "-x", package(".deb"), folder});
  EXPECT_EQ(unpacked.exit_code, 0) << unpacked.err;
  return folder + "/usr";
}

std::string unpacked_tarball() {
  const std::string folder = scratch_folder();
  const Finished unpacked = run_program({"/bin/tar", "-xzf", package(".tar.gz"), "-C", folder});
  EXPECT_EQ(unpacked.exit_code, 0) << unpacked.err;
  for (const auto& entry : fs::directory_iterator(folder)) return entry.path().string();
  return folder;
}

// As somebody runs it who has nothing of ours set, somewhere else.
Finished run_installed(const std::string& tree, std::vector<std::string> arguments) {
  std::vector<std::string> argv = {"/usr/bin/env", "-i", "-C", "/", tree + "/bin/srtctl"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return run_program(argv);
}

// The names after "NEEDED" in the program's dynamic section.
std::vector<std::string> needed_libraries(const std::string& program) {
  const std::string text = run_program({"/usr/bin/objdump", "-p", program}).out;
  std::vector<std::string> names;
  for (std::size_t at = text.find("NEEDED"); at != std::string::npos; at = text.find("NEEDED", at + 1)) {
    const std::size_t begin = text.find_first_not_of(' ', at + 6);
    names.push_back(text.substr(begin, text.find('\n', begin) - begin));
  }
  return names;
}

void expect_works(const std::string& tree) {
  const Finished version = run_installed(tree, {"--version"});
  EXPECT_EQ(version.exit_code, 0) << version.err;
  EXPECT_THAT(version.out, testing::MatchesRegex("srtctl [0-9.]+ \\(commit [a-z0-9-]+, Release\\)\n"));

  const std::string trace = fs::absolute(small_trace()).string();
  const std::string recipe = "recipies/qwen3-32b/disagg-kv-router.yaml";
  const Finished there =
      run_installed(tree, {"simulate", "-f", tree + "/share/infbench/" + recipe, "--trace", trace, "--json"});
  EXPECT_EQ(there.exit_code, 0) << there.err;
  EXPECT_TRUE(is_json(there.out));
  EXPECT_NE(there.out.find("goodput"), std::string::npos);

  const std::string mine = tree + "/mine.yaml";
  const Finished init = run_installed(tree, {"init", "-o", mine});
  EXPECT_EQ(init.exit_code, 0) << init.err;
  EXPECT_EQ(run_installed(tree, {"simulate", "-f", mine, "--trace", trace}).exit_code, 0);
}

TEST(Package, ProgramOfTheDebRunsWhereItIsUnpacked) { expect_works(unpacked_deb()); }
TEST(Package, ProgramOfTheTarballRunsWhereItIsUnpacked) { expect_works(unpacked_tarball()); }

TEST(Package, NeedsOnlyLibrariesThatEveryDebianSinceTwelveHasByTheSameName) {
  const std::string tree = unpacked_deb();
  const std::vector<std::string> system = {"libc.so.6",      "libm.so.6",    "libgcc_s.so.1",
                                           "libstdc++.so.6", "libcurl.so.4", "libcrypto.so.3",
                                           "libssl.so.3",    "libzmq.so.5",  "ld-linux-x86-64.so.2"};
  std::vector<std::string> bundled;
  for (const auto& entry : fs::directory_iterator(tree + "/lib/infbench")) bundled.push_back(entry.path().filename().string());
  for (const std::string& name : needed_libraries(tree + "/bin/srtctl")) {
    const bool is_system = std::find(system.begin(), system.end(), name) != system.end();
    const bool is_bundled = std::find(bundled.begin(), bundled.end(), name) != bundled.end();
    EXPECT_TRUE(is_system || is_bundled) << name;
  }
  // The bundled ones are found beside the program, not elsewhere on this machine.
  const std::string resolved = run_program({"/usr/bin/ldd", tree + "/bin/srtctl"}).out;
  for (const std::string& name : bundled) {
    EXPECT_NE(resolved.find(name + " => " + tree + "/bin/../lib/infbench/" + name), std::string::npos) << resolved;
  }
}

TEST(Package, HasManPagesCompletionRecipesDataAndLicences) {
  const std::string tree = unpacked_deb();
  const auto check = [&](const auto& self, const cli::CommandDoc& command) -> void {
    std::string page;
    for (const std::string& word : command.path) page += (page.empty() ? "" : "-") + word;
    EXPECT_TRUE(fs::exists(tree + "/share/man/man1/" + page + ".1.gz")) << page;
    for (const cli::CommandDoc& below : command.commands) self(self, below);
  };
  check(check, cli::interface_doc());
  for (const auto& entry : fs::recursive_directory_iterator("recipies")) {
    EXPECT_TRUE(fs::exists(tree + "/share/infbench/" + entry.path().string())) << entry.path();
  }
  for (const auto& entry : fs::recursive_directory_iterator("data")) {
    EXPECT_TRUE(fs::exists(tree + "/share/infbench/" + entry.path().string())) << entry.path();
  }
  EXPECT_EQ(read_text(tree + "/share/bash-completion/completions/srtctl"), srtctl({"completion", "bash"}).out);
  EXPECT_TRUE(fs::exists(tree + "/share/doc/infbench/licenses/libfmt-dev.gz"));
}

TEST(Package, TellsDpkgWhatItNeeds) {
  const Finished fields = run_program({"/usr/bin/dpkg-deb", "-f", package(".deb"), "Package", "Depends", "Architecture"});
  EXPECT_NE(fields.out.find("Package: infbench\n"), std::string::npos) << fields.out;
  for (const char* name : {"libc6 (>= 2.36)", "libstdc++6", "libcurl4", "libssl3"}) {
    EXPECT_NE(fields.out.find(name), std::string::npos) << fields.out;
  }
}

// What cmake/commit.cmake makes of the sources in the folder.
std::string commit_of(const std::string& folder) {
  const Finished run = run_program({"/usr/bin/cmake", "-DSOURCE=" + folder, "-DIN=" + folder + "/in",
                                    "-DOUT=" + folder + "/out", "-P", "cmake/commit.cmake"});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  return read_text(folder + "/out");
}

TEST(Version, SourcesWithoutGitKnowTheirCommitFromTheArchive) {
  const std::string folder = scratch_folder();
  fs::create_directory(folder + "/cmake");
  write_text(folder + "/in", "commit @COMMIT@");
  write_text(folder + "/cmake/commit.txt", "0123456789abcdef0123456789abcdef01234567\n");
  EXPECT_EQ(commit_of(folder), "commit 0123456789ab\n");
  const auto written = fs::last_write_time(folder + "/out");
  EXPECT_EQ(commit_of(folder), "commit 0123456789ab\n");
  EXPECT_EQ(fs::last_write_time(folder + "/out"), written) << "nothing has changed, so nothing is compiled again";
  write_text(folder + "/cmake/commit.txt", "$Format:%H$\n");
  EXPECT_EQ(commit_of(folder), "commit unknown\n") << "a copy of the files, neither a checkout nor an archive";
}

TEST(Version, VerboseNamesEveryLibrary) {
  const Finished plain = srtctl({"--version"});
  const Finished verbose = srtctl({"--version", "--verbose"});
  EXPECT_EQ(verbose.exit_code, 0);
  EXPECT_TRUE(verbose.out.starts_with(plain.out)) << verbose.out;
  for (const char* name :
       {"Boost.Asio 1.", "CLI11 2.", "fmt ", "libcurl ", "llhttp ", "OpenSSL 3.", "simdjson ", "xxHash ", "yaml-cpp "}) {
    EXPECT_NE(verbose.out.find(std::string("  ") + name), std::string::npos) << name << "\n" << verbose.out;
  }
  EXPECT_THAT(verbose.out,
              testing::ContainsRegex("\n  here: OpenSSL 3\\.[0-9.]+, ZeroMQ 4\\.[0-9.]+, libcurl [78]\\.[0-9.]+\n"));
  EXPECT_THAT(verbose.out, testing::ContainsRegex("\n  hardened: [^\n]*[a-z]"));
}

TEST(Init, WritesARecipeThatIsPlannedAndSimulatedAndNeverOverwrites) {
  const std::string file = scratch_folder() + "/mine.yaml";
  ASSERT_EQ(srtctl({"init", "--gpu", "h100", "--gpus", "16", "--disaggregated", "-o", file}).exit_code, 0);
  const std::string written = read_text(file);
  EXPECT_EQ(srtctl({"dry-run", "-f", file}).exit_code, 0);
  const Finished run = srtctl({"simulate", "-f", file, "--trace", small_trace()});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_NE(run.out.find("6 prefill + 2 decode workers, TP2"), std::string::npos) << run.out;

  const Finished again = srtctl({"init", "-o", file});
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_NE(again.err.find("is there already"), std::string::npos) << again.err;
  EXPECT_EQ(read_text(file), written);

  const Finished unknown = srtctl({"init", "--model", "Qwen/Qwen3-3B", "-o", file + "2"});
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("no step times for"), std::string::npos) << unknown.err;
  EXPECT_FALSE(fs::exists(file + "2"));
}

// What bash proposes after the words; the last one is begun.
std::string proposed(const std::vector<std::string>& words) {
  std::string line = "source /dev/stdin <<'END'\n" + srtctl({"completion", "bash"}).out + "END\nCOMP_WORDS=(";
  for (const std::string& word : words) line += "'" + word + "' ";
  line += "); COMP_CWORD=" + std::to_string(words.size() - 1) + "; _srtctl; echo ${COMPREPLY[@]}";
  const Finished run = run_program({"/bin/bash", "-c", line});
  EXPECT_EQ(run.err, "");
  return run.out;
}

TEST(Completion, ProposesCommandsOptionsChoicesAndFiles) {
  EXPECT_EQ(proposed({"srtctl", "sim"}), "simulate\n");
  EXPECT_EQ(proposed({"srtctl", "trace", "an"}), "analyze\n");
  EXPECT_EQ(proposed({"srtctl", "simulate", "--work"}), "--workload\n");
  EXPECT_EQ(proposed({"srtctl", "dry-run", "--launcher", ""}), "slurm local\n");
  EXPECT_EQ(proposed({"srtctl", "simulate", "-f", "recipies/qwen3-32b/agg-r"}), std::string(kAggregated) + "\n");
  EXPECT_EQ(proposed({"srtctl", "simulate", "--seed", ""}), "\n");
  EXPECT_EQ(proposed({"srtctl", "trace", "analyze", "READ"}), "README.md\n");
  EXPECT_EQ(proposed({"srtctl", "completion", ""}).substr(0, 4), "bash");
}

}  // namespace
}  // namespace infbench::tests
