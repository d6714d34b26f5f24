// --set key=value and --unset key: edits of the tree before it is read, so that they are checked exactly as the file is.
//
// Edits are read once and applied to each recipe of a file in turn. One owner, one thread; the Findings must outlive it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/findings.h"
#include "recipe/read_recipe.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

// The entry of `map` with this key, null when there is none. Where the map at `path` ("backend.sglang_config.prefill") holds
// flags, '_' is '-' and an alias is the flag it stands for.
Entry* find_key(Node& map, std::string_view path, std::string_view key);

// "a.b" of "a" and "b"; "b" of "" and "b".
std::string join_path(std::string_view path, std::string_view key);

class TreeEdits {
 public:
  // What is wrong with an edit whatever the recipe is written down here.
  TreeEdits(std::span<const Edit> edits, Findings& findings);

  // In the order of the command line. --set replaces or adds its key; sections on the way that are missing are made, and
  // whether the key exists at all the reader says.
  void apply(Node& root);

  // After the last apply(): each --unset of a key that was in none of the recipes is an error.
  void report_unfound();

 private:
  struct Segment {
    std::string key;
    int column = 0;
  };
  struct ReadEdit {
    Edit::Kind kind = Edit::Kind::set;
    int source = 0;  // its Places
    std::vector<Segment> path;
    Node value;  // set only
    bool found = false;
    std::optional<Finding> unfound;  // unset only: why not in the first recipe
  };

  std::optional<ReadEdit> read(const Edit& edit, int source);
  bool read_value(std::string_view text, const Place& place, ReadEdit& into);
  void set(const ReadEdit& edit, Node& root);
  void unset(ReadEdit& edit, Node& root);

  Findings& findings_;
  std::vector<ReadEdit> edits_;
};

}  // namespace infbench::recipe
