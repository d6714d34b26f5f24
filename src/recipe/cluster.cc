#include "recipe/cluster.h"

#include <cstdlib>
#include <optional>

#include <sys/stat.h>

#include <fmt/format.h>

#include "recipe/findings.h"
#include "recipe/schema.h"
#include "recipe/section_reader.h"
#include "recipe/text_file.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {
namespace {

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
  if (text.size() > kMostRecipeBytes) {
    return fail({.what = fmt::format("expected a configuration of at most {} bytes", kMostRecipeBytes),
                 .hint = "is it srtslurm.yaml?",
                 .file = file,
                 .source_line = {}});
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
    SectionReader reader(findings, tree->complete, no_aliases, "the file");
    reader.read(bind_cluster_schema(cluster, health_check), tree->root, "", tree->root.place);
    if (tree->root.find("default_health_check") != nullptr) cluster.default_health_check = health_check;
  }
  if (!findings.empty()) return fail(findings.take());
  return cluster;
}

Result<Cluster> read_cluster(const std::string& path) {
  Result<std::string> text = read_text_file(path, "it is the cluster's configuration: write it, or unset SRTSLURM_CONFIG");
  if (!text.has_value()) return fail(std::move(text.error()));
  return read_cluster_text(*text, path);
}

}  // namespace infbench::recipe
