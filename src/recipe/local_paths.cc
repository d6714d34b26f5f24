#include "recipe/local_paths.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <vector>

#include <fmt/format.h>

namespace infbench::recipe {
namespace {

namespace fs = std::filesystem;

enum class Wanted { folder, file };

// Something near that is there: a slip of the finger is the usual reason.
std::string names_near(const fs::path& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(path.parent_path(), error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  return did_you_mean(path.filename().string(), views);
}

class LocalPaths {
 public:
  explicit LocalPaths(const Recipe& recipe) : recipe_(recipe) {}

  void check(std::string_view key, std::string text, Wanted wanted, const Place& place) {
    if (!text.starts_with('/')) return;
    while (text.size() > 1 && text.ends_with('/')) text.pop_back();
    const fs::path path(text);
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (fs::exists(status)) {
      const bool folder = fs::is_directory(status);
      if (folder == (wanted == Wanted::folder)) return;
      add(place, fmt::format("{}: expected a {}, '{}' is a {}", key, name(wanted), text, folder ? "folder" : "file"), {});
      return;
    }
    const fs::path around = path.parent_path();
    // Not there, or not to be seen by this user: the second is no reason to stop.
    if (status.type() != fs::file_type::not_found || around == "/" || !fs::is_directory(around, error)) return;
    add(place, fmt::format("{}: '{}' does not exist, though '{}' does", key, text, around.string()), names_near(path));
  }

  void check_setup_script(const Cluster& cluster, PathsFor purpose) {
    if (recipe_.setup_script.empty()) return;
    const fs::path path = fs::path(cluster.srtctl_root.value_or(".")) / "configs" / recipe_.setup_script;
    std::error_code error;
    if (fs::is_regular_file(path, error)) return;
    if (purpose == PathsFor::looking && !fs::is_directory(path.parent_path(), error)) return;
    add({}, fmt::format("setup_script: '{}' is not there", path.string()), "put it there, or set srtctl_root in srtslurm.yaml");
  }

  Errors take() { return std::move(errors_); }

 private:
  static std::string_view name(Wanted wanted) { return wanted == Wanted::folder ? "folder" : "file"; }

  void add(const Place& place, std::string what, std::string hint) {
    const bool in_file = place.source == 0;
    errors_.push_back({.what = std::move(what),
                       .hint = std::move(hint),
                       .file = recipe_.file,
                       .line = in_file ? place.line : 0,
                       .column = in_file ? place.column : 0,
                       .source_line = {}});
  }

  const Recipe& recipe_;
  Errors errors_;
};

}  // namespace

Errors check_local_paths(const Recipe& recipe, const Cluster& cluster, PathsFor purpose) {
  LocalPaths paths(recipe);
  if (recipe.backend.type != "model") {
    paths.check("model.path", recipe.model.path, Wanted::folder, recipe.model.path_place);
    paths.check("model.container", recipe.model.container, Wanted::file, recipe.model.container_place);
  }
  paths.check("benchmark.container_image", recipe.benchmark.container_image, Wanted::file, {});
  if (purpose == PathsFor::looking) paths.check("benchmark.trace_file", recipe.benchmark.trace_file, Wanted::file, {});
  paths.check_setup_script(cluster, purpose);
  return paths.take();
}

}  // namespace infbench::recipe
