// The rules of the house, as data, and what checks them: each check takes a file and gives its complaints ("path:line: what"),
// so that the test can show it a bad file too. Pure functions, usable from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace infbench::tests {

// A file of the project. `path` is relative to the project's root, with '/'.
struct SourceFile {
  std::string path;
  std::string text;
};

using Complaints = std::vector<std::string>;

constexpr int kMostLinesOfAFile = 600;
constexpr int kMostLinesOfAFunction = 70;

// Every file under `root` that people write (not data, not what a build makes), sorted by path.
std::vector<SourceFile> read_source_tree(const std::string& root);

// The rooms that files of `room` may include: itself, the table's rooms, and theirs. Empty for an unknown room.
std::vector<std::string> rooms_open_to(std::string_view room);

Complaints check_include_directions(const SourceFile& file);
Complaints check_heavy_headers(const SourceFile& file);
Complaints check_lengths(const SourceFile& file);
Complaints check_header_opening(const SourceFile& file);
Complaints check_words(const SourceFile& file);
Complaints check_compiler_flags(const SourceFile& file);

// The links of a Markdown file as paths relative to the root.
std::vector<std::string> link_targets(const SourceFile& file);

}  // namespace infbench::tests
