#include "cost/text_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/utf8.h"

namespace infbench::cost {

Result<std::string> read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream buffer;
  buffer << file.rdbuf();
  if (!file) return fail(Error{.what = "cannot read the file", .hint = {}, .file = path, .source_line = {}});
  std::string text = std::move(buffer).str();
  const auto at = find_no_text(text);
  if (!at) return text;
  const std::string_view before = std::string_view(text).substr(0, *at);
  const std::size_t line_end = before.rfind('\n');  // npos + 1 is 0
  return fail(Error{.what = fmt::format("expected text, found the byte {:#04x}", static_cast<unsigned char>(text[*at])),
                    .hint = "save the file as UTF-8",
                    .file = path,
                    .line = static_cast<int>(std::count(before.begin(), before.end(), '\n')) + 1,
                    .column = static_cast<int>(*at - (line_end + 1)) + 1,
                    .source_line = {}});
}

}  // namespace infbench::cost
