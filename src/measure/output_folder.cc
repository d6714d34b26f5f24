#include "measure/output_folder.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace infbench::measure {
namespace {

tl::unexpected<Errors> cannot(std::string what, const std::string& path) {
  return fail(Error{.what = std::move(what), .hint = kFolderHint, .file = path, .source_line = {}});
}

}  // namespace

Result<void> write_file(std::string path, std::string_view bytes) {
  return infbench::write_file(std::move(path), bytes, kFolderHint);
}

Result<void> create_folder(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return cannot("cannot create the output folder: " + error.message(), path);
  if (!std::filesystem::is_directory(path, error)) return cannot("expected a folder, found a file", path);
  return {};
}

}  // namespace infbench::measure
