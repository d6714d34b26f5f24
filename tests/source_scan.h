// A small reader of C++ source for the tidy test: enough to find functions and words, not a parser. Pure functions, usable from
// any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace infbench::tests {

// The text with every comment blanked, and with the insides of string and character literals too: spaces instead, line breaks
// kept, so that offsets and lines stay the same. Knows raw strings, digit separators and escapes.
std::string without_comments_and_strings(std::string_view text);

// A function with a body, at namespace or class level, or a lambda there. What is inside a function belongs to it.
struct Function {
  std::string name;
  int first_line = 0;  // of its declaration (with a template header), from 1
  int last_line = 0;   // of its closing brace

  int lines() const { return last_line - first_line + 1; }
};

// In the order of their closing braces.
std::vector<Function> functions_in(std::string_view text);

struct Include {
  std::string path;
  bool quoted = false;  // "base/time.h", not <vector>
  int line = 0;         // from 1
};

std::vector<Include> includes_in(std::string_view text);

// Where `word` stands in `text` as a word of its own (no identifier character right before or after): offsets.
std::vector<std::size_t> find_word(std::string_view text, std::string_view word);

// The line of an offset, from 1.
int line_of(std::string_view text, std::size_t offset);

// The targets of a Markdown text's links and images, without their #anchor and without web addresses; code blocks are not read.
std::vector<std::string> relative_links_in(std::string_view markdown);

}  // namespace infbench::tests
