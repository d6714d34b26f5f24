#include "tidy_rules.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "source_scan.h"

namespace infbench::tests {
namespace {

// The rooms of src/ and the rooms that each may include. A room may also include what its rooms include.
struct Room {
  std::string_view name;
  std::vector<std::string_view> includes;
};

const std::vector<Room>& rooms() {
  static const std::vector<Room> table = {
      {"base", {}},
      {"cost", {"base"}},
      {"trace", {"base"}},
      {"recipe", {"base"}},
      {"plan", {"recipe"}},
      {"engine", {"base", "cost"}},
      {"route", {"base", "cost"}},
      {"measure", {"trace"}},
      {"report", {"measure"}},
      {"simulate", {"plan", "trace", "engine", "route", "measure"}},
      {"net", {"base"}},
      {"live", {"trace", "engine", "route", "measure", "net"}},
      {"calibrate", {"cost", "simulate"}},
      {"launch", {"plan", "net", "live", "measure"}},
      {"cli", {"simulate", "calibrate", "report", "live", "launch"}},
  };
  return table;
}

// Headers that are slow to compile or lead away from how the house does things: no header of ours includes them, and only those
// of our .cc files whose path begins with one of `allowed`.
struct HeavyHeader {
  std::string_view header;  // with '/' at its end: all of that folder
  std::vector<std::string_view> allowed;
  std::string_view instead;
};

const std::vector<HeavyHeader>& heavy_headers() {
  static const std::vector<HeavyHeader> table = {
      {"CLI/", {"src/cli/options"}, "cli/options.h"},
      {"yaml-cpp/", {"src/recipe/", "src/cost/"}, "a function of recipe/ or cost/"},
      {"simdjson.h", {"src/"}, "it in a .cc file"},
      {"fmt/", {"src/"}, "it in a .cc file"},
      {"spdlog/", {"src/cli/", "src/live/", "src/launch/"}, "errors as values"},
      {"curl/", {"src/net/"}, "net/"},
      {"zmq.h", {"src/net/zmq_"}, "net/zmq_socket.h"},
      {"xxhash.h", {"src/base/"}, "base/hash.h"},
      {"openssl/", {"src/base/", "src/net/tls"}, "base/sha256.h or net/tls.h"},
      {"iostream", {}, "<cstdio> or fmt"},
      {"regex", {}, "plain string functions"},
      {"random", {}, "base/random.h"},
      {"format", {}, "fmt (g++ 12 has no <format>)"},
  };
  return table;
}

// Words that must not stand in code. `places` are beginnings of paths, `except` such of them that are free to.
struct Word {
  std::string_view word;
  std::vector<std::string_view> places;
  std::vector<std::string_view> except;
  std::string_view why;
};

const std::vector<Word>& forbidden_in_code() {
  static const std::string_view libm = "its results differ by machine: only sqrt may lie on a path that reaches output";
  static const std::string_view clock = "time is handed in: only the edges read a clock";
  static const std::vector<std::string_view> edges = {"src/cli/", "src/net/", "src/live/", "src/launch/"};
  static const std::vector<Word> table = {
      {"new", {"src/", "tests/", "bench/"}, {}, "own with a container or std::make_unique"},
      {"delete", {"src/", "tests/", "bench/"}, {}, "own with a container or std::unique_ptr"},
      {"malloc", {"src/"}, {}, "own with a container"},
      {"goto", {"src/", "tests/", "bench/"}, {}, "write a function"},
      {"rand", {"src/"}, {}, "use base/random.h"},
      {"std::shuffle", {"src/"}, {}, "its order differs by library: use base/random.h"},
      {"std::exp", {"src/"}, {}, libm},
      {"std::log", {"src/"}, {}, libm},
      {"std::log2", {"src/"}, {}, libm},
      {"std::pow", {"src/"}, {}, libm},
      {"std::sin", {"src/"}, {}, libm},
      {"std::cos", {"src/"}, {}, libm},
      {"std::cbrt", {"src/"}, {}, libm},
      {"std::fma", {"src/"}, {}, libm},
      {"std::chrono::system_clock", {"src/"}, edges, clock},
      {"std::chrono::steady_clock", {"src/"}, edges, clock},
      {"clock_gettime", {"src/"}, edges, clock},
      {"gethostname", {"src/"}, edges, "results name no host"},
  };
  return table;
}

// Notes to oneself that must not stand anywhere, comments included. Cut in two, so that this file does not complain about
// itself.
const std::vector<std::string_view>& forbidden_notes() {
  static const std::vector<std::string_view> table = {
      "TO"
      "DO",
      "FIX"
      "ME",
      "XX"
      "X"};
  return table;
}

// Flags with which results would depend on the machine; looked for in what CMake reads, outside of comments.
const std::vector<std::string_view>& forbidden_flags() {
  static const std::vector<std::string_view> table = {"-ffast-math", "-Ofast", "-mfma",
                                                      "-mavx",       "-march", "-funsafe-math-optimizations"};
  return table;
}

bool begins_with_one_of(std::string_view path, const std::vector<std::string_view>& beginnings) {
  return std::any_of(beginnings.begin(), beginnings.end(), [&](std::string_view b) { return path.starts_with(b); });
}

bool is_header(const SourceFile& file) { return file.path.ends_with(".h"); }
bool is_cpp(const SourceFile& file) { return is_header(file) || file.path.ends_with(".cc"); }

std::string complaint(const SourceFile& file, int line, std::string_view what) {
  return file.path + ":" + std::to_string(line) + ": " + std::string(what);
}

// "src/ROOM/..." -> ROOM
std::string_view room_of(std::string_view path) {
  if (!path.starts_with("src/")) return {};
  path.remove_prefix(4);
  return path.substr(0, path.find('/'));
}

bool is_for_cmake(const SourceFile& file) {
  return file.path.ends_with("CMakeLists.txt") || file.path.ends_with(".cmake") || file.path.ends_with("CMakePresets.json");
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_written_by_people(std::string_view path) {
  static const std::vector<std::string_view> places = {"src/", "tests/", "bench/", "tools/", "docs/", "recipies/", ".ci/"};
  static const std::vector<std::string_view> files = {"CMakeLists.txt", "CMakePresets.json", "README.md", "dev",
                                                      "dev.packages"};
  if (path.ends_with(".png") || path.starts_with("tests/fuzz/seeds/") || path.starts_with("tests/fuzz/found/")) return false;
  return begins_with_one_of(path, places) || std::find(files.begin(), files.end(), path) != files.end();
}

}  // namespace

std::vector<SourceFile> read_source_tree(const std::string& root) {
  namespace fs = std::filesystem;
  std::vector<SourceFile> files;
  fs::recursive_directory_iterator walk(root);
  for (auto entry = fs::begin(walk); entry != fs::end(walk); ++entry) {
    const std::string path = fs::relative(entry->path(), root).generic_string();
    const bool not_ours =
        path == "build" || path == ".git" || path == ".peers" || path == "outputs" || path.ends_with("__pycache__");
    if (entry->is_directory() && not_ours) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && is_written_by_people(path)) {
      files.push_back({path, read_file(entry->path())});
    }
  }
  std::sort(files.begin(), files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> rooms_open_to(std::string_view room) {
  std::vector<std::string> open;
  std::vector<std::string_view> to_visit = {room};
  while (!to_visit.empty()) {
    const std::string_view name = to_visit.back();
    to_visit.pop_back();
    const auto row = std::find_if(rooms().begin(), rooms().end(), [&](const Room& r) { return r.name == name; });
    if (row == rooms().end() || std::find(open.begin(), open.end(), name) != open.end()) continue;
    open.emplace_back(name);
    to_visit.insert(to_visit.end(), row->includes.begin(), row->includes.end());
  }
  std::sort(open.begin(), open.end());
  return open;
}

Complaints check_include_directions(const SourceFile& file) {
  const std::string_view room = room_of(file.path);
  if (room.empty() || !is_cpp(file)) return {};
  const std::vector<std::string> open = rooms_open_to(room);
  if (open.empty())
    return {complaint(file, 1, "'" + std::string(room) + "' is no room: add it to the table in tests/tidy_rules.cc")};

  Complaints complaints;
  for (const Include& include : includes_in(file.text)) {
    if (!include.quoted) continue;
    const std::string other = include.path.substr(0, include.path.find('/'));
    if (other == include.path) {
      complaints.push_back(complaint(file, include.line, "includes \"" + include.path + "\": write \"ROOM/FILE.h\""));
    } else if (!std::binary_search(open.begin(), open.end(), other)) {
      complaints.push_back(complaint(file, include.line, std::string(room) + " may not include " + other));
    }
  }
  return complaints;
}

Complaints check_heavy_headers(const SourceFile& file) {
  if (room_of(file.path).empty() || !is_cpp(file)) return {};
  Complaints complaints;
  for (const Include& include : includes_in(file.text)) {
    for (const HeavyHeader& heavy : heavy_headers()) {
      const bool same = heavy.header == include.path || (heavy.header.ends_with('/') && include.path.starts_with(heavy.header));
      if (!same || include.quoted) continue;
      const bool only_for_tests = file.path.ends_with("_for_test.h");
      if (begins_with_one_of(file.path, heavy.allowed) && (!is_header(file) || only_for_tests)) continue;
      complaints.push_back(
          complaint(file, include.line, "<" + include.path + "> may not be included here: use " + std::string(heavy.instead)));
    }
  }
  return complaints;
}

Complaints check_lengths(const SourceFile& file) {
  Complaints complaints;
  const auto lines = std::count(file.text.begin(), file.text.end(), '\n');
  const auto too_long = [](auto count, int most) { return std::to_string(count) + " lines, at most " + std::to_string(most); };
  if (lines > kMostLinesOfAFile) complaints.push_back(complaint(file, 1, "the file has " + too_long(lines, kMostLinesOfAFile)));
  if (!is_cpp(file)) return complaints;
  for (const Function& function : functions_in(file.text)) {
    if (function.lines() <= kMostLinesOfAFunction) continue;
    complaints.push_back(
        complaint(file, function.first_line, function.name + " has " + too_long(function.lines(), kMostLinesOfAFunction)));
  }
  return complaints;
}

Complaints check_header_opening(const SourceFile& file) {
  if (!is_header(file)) return {};
  std::istringstream in(file.text);
  std::string opening;
  std::string line;
  while (std::getline(in, line) && line.starts_with("//")) opening += line + "\n";
  if (!opening.starts_with("// ") || opening.find(".\n") == std::string::npos) {
    return {
        complaint(file, 1, "opens without a comment of whole sentences: what is it, who owns what, which thread may call it")};
  }
  if (line != "#pragma once") return {complaint(file, 1, "expected '#pragma once' right after the opening comment")};
  return {};
}

Complaints check_words(const SourceFile& file) {
  Complaints complaints;
  for (const std::string_view note : forbidden_notes()) {
    for (const std::size_t at : find_word(file.text, note)) {
      complaints.push_back(
          complaint(file, line_of(file.text, at), std::string(note) + ": do it now, or keep it outside of the code"));
    }
  }
  if (!is_cpp(file)) return complaints;
  const std::string code = without_comments_and_strings(file.text);
  for (const Word& word : forbidden_in_code()) {
    if (!begins_with_one_of(file.path, word.places) || begins_with_one_of(file.path, word.except)) continue;
    for (const std::size_t at : find_word(code, word.word)) {
      const std::string before = code.substr(0, code.find_last_not_of(" \n", at == 0 ? 0 : at - 1) + 1);
      const bool deleted_function = word.word == "delete" && before.ends_with('=');
      if (!deleted_function)
        complaints.push_back(complaint(file, line_of(code, at), std::string(word.word) + ": " + std::string(word.why)));
    }
  }
  return complaints;
}

Complaints check_compiler_flags(const SourceFile& file) {
  if (!is_for_cmake(file)) return {};
  Complaints complaints;
  std::istringstream in(file.text);
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::string code = line.substr(0, line.find('#'));
    for (const std::string_view flag : forbidden_flags()) {
      if (code.find(flag) == std::string::npos) continue;
      complaints.push_back(complaint(file, number, std::string(flag) + ": results must not depend on the machine"));
    }
  }
  return complaints;
}

std::vector<std::string> link_targets(const SourceFile& file) {
  if (!file.path.ends_with(".md")) return {};
  std::vector<std::string> targets;
  const std::filesystem::path folder = std::filesystem::path(file.path).parent_path();
  for (const std::string& link : relative_links_in(file.text))
    targets.push_back((folder / link).lexically_normal().generic_string());
  return targets;
}

}  // namespace infbench::tests
