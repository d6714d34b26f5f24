// Bad input as text files, tests/bad_input/*.txt: each case holds what somebody gives to the program and all that it answers,
// so that a person can read both beside each other. A file:
//
//   # what this file is, up to the first case
//   == the name of a case
//   lines of input, whose meaning the file's test knows
//   --
//   the answer, up to the next case
//
// With INFBENCH_WRITE_BAD_INPUT=1 the tests write the answers that they got into the files: for who changes a message, and then
// reads the difference. One thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infbench::tests {

struct BadCase {
  std::string name;
  std::vector<std::string> input;
  std::string expected;
  int line = 0;  // of its name
};

// Runs every case of tests/bad_input/KIND_*.txt, at least so many, and compares.
void check_bad_cases(const std::string& kind, std::size_t least, const std::function<std::string(const BadCase&)>& answer_to);

// What cannot stand in a line as it is: \n \r \t \0 \\ \xHH, @NAME@ of `names`, and @1000*abc@ for a thousand times abc.
// Everything else means itself.
std::string expand(std::string_view line, const std::map<std::string, std::string>& names = {});

// The other way round: `places` (a folder, a port) are written as @NAME@, bytes that are no text as \xHH.
std::string shown(std::string_view answer, const std::map<std::string, std::string>& places = {});

// Answers of several kinds, each with its name; equal ones stand together: "[simulate, analyze]", then the text.
std::string in_sections(const std::vector<std::pair<std::string, std::string>>& answers);

}  // namespace infbench::tests
