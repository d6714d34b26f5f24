// Words of command lines and texts in them: small helpers of this room. Pure, usable from any thread.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "plan/plan.h"

namespace infbench::plan {

inline void add(std::vector<std::string>& argv, std::initializer_list<std::string> words) { argv.insert(argv.end(), words); }
inline void append(std::vector<std::string>& argv, std::vector<std::string> words) {
  for (std::string& word : words) argv.push_back(std::move(word));
}

void replace_all(std::string& text, std::string_view what, std::string_view with);

// Of a value's braces only {node} and {node_id} mean something: the value may be JSON.
std::string templated(std::string value, const Node& node, int node_id);

// Replaces the variable's value, or adds it.
void set_variable(Environment& environment, const std::string& name, std::string value);

// The word as a POSIX shell reads it back; as it is when that is safe.
std::string shell_quote(const std::string& word);

// One line that a POSIX shell reads back as these words.
std::string shell_line(const Environment& environment, std::span<const std::string> argv);

// The name of a variable or flag says that its value is to be kept: a part of it (between '_' or '-') ends with key, token,
// secret, password or passwd, in small letters or capitals.
bool is_secret(std::string_view name);

inline constexpr std::string_view kHidden = "***";

// For everything that is shown or written: secret values are kHidden.
Environment without_secrets(Environment environment);
std::vector<std::string> without_secrets(std::vector<std::string> argv);

}  // namespace infbench::plan
