#include "recipe/cluster.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <sys/stat.h>

#include <fmt/format.h>

#include "recipe/findings.h"
#include "recipe/schema.h"
#include "recipe/section_reader.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {
namespace {

constexpr std::size_t kMostBytes = 1U << 20U;

Error file_error(const std::string& path, std::string what, std::string hint = {}) {
  return {.what = std::move(what), .hint = std::move(hint), .file = path, .source_line = {}};
}

Result<std::string> read_file(const std::string& path) {
  const auto close = [](std::FILE* file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(close)> file(std::fopen(path.c_str(), "rb"), close);
  const std::string hint = "it is the cluster's configuration: write it, or unset SRTSLURM_CONFIG";
  if (file == nullptr) return fail(file_error(path, fmt::format("cannot be opened: {}", std::strerror(errno)), hint));
  std::string text(kMostBytes + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0)
    return fail(file_error(path, fmt::format("cannot be read: {}", std::strerror(errno)), hint));
  return text;
}

bool is_there(const char* path) {
  struct stat info {};
  return stat(path, &info) == 0;
}

}  // namespace

std::string find_cluster_file() {
  const char* given = std::getenv("SRTSLURM_CONFIG");
  if (given != nullptr && *given != '\0') return given;
  for (const char* path : {"srtslurm.yaml", "../srtslurm.yaml", "../../srtslurm.yaml"}) {
    if (is_there(path)) return path;
  }
  return {};
}

Result<Cluster> read_cluster_text(std::string_view text, const std::string& file) {
  if (text.size() > kMostBytes) {
    return fail(file_error(file, fmt::format("expected a configuration of at most {} bytes", kMostBytes)));
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  Cluster cluster;
  cluster.file = file;
  Findings findings;
  findings.add_file(file, text);
  const std::optional<Tree> tree = parse_yaml(text, {0, 1, 1}, findings);
  const bool to_read = tree.has_value() && (tree->complete || tree->root.kind == Node::Kind::map);
  // A file with nothing in it says nothing.
  if (to_read && tree->root.kind != Node::Kind::null) {
    const Cluster no_aliases;
    HealthCheck health_check;
    SectionReader reader(findings, tree->complete, no_aliases);
    reader.read(bind_cluster_schema(cluster, health_check), tree->root, "", tree->root.place);
    if (tree->root.find("default_health_check") != nullptr) cluster.default_health_check = health_check;
  }
  if (!findings.empty()) return fail(findings.take());
  return cluster;
}

Result<Cluster> read_cluster(const std::string& path) {
  Result<std::string> text = read_file(path);
  if (!text.has_value()) return fail(std::move(text.error()));
  return read_cluster_text(*text, path);
}

}  // namespace infbench::recipe
