// Which values of a recipe are to be kept from whoever reads a plan, a log or a run's folder, by the names of their variables
// and flags. Pure, usable from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "recipe/recipe.h"

namespace infbench::recipe {

// The name of a variable or flag says that its value is to be kept: a part of it (between '_' or '-') ends with key, token,
// secret, password or passwd, in small letters or capitals.
bool is_secret(std::string_view name);

// A value that is to be kept whatever its name: an HTTP header with credentials, "Authorization: Bearer ...".
bool has_credentials(std::string_view value);

// What stands there instead.
inline constexpr std::string_view kHidden = "***";

// A line of a recipe or the text of a --set, as it may be shown: from the value of the first secret on, which follows its name
// and ':' or '=', it is kHidden. Numbers and truths keep nothing.
std::string line_without_secrets(std::string_view line);

// Whether line `row`, counted from 0, may be a part of the value of a secret whose name stands on a line before: such a line is
// not to be shown at all.
bool continues_a_secret(std::span<const std::string> lines, std::size_t row);

// Variables of an environment, and flags that are text or lists of it: numbers keep nothing. Headers of aiperf_args count.
bool has_secrets(const Recipe& recipe);
// The same recipe with kHidden in place of each secret. Its `text` is left as it was.
Recipe without_secrets(Recipe recipe);

}  // namespace infbench::recipe
