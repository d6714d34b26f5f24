// A YAML document as a plain tree with the place of every key and value: what the strict reader walks over.
//
// Built from the parser's events, because the parser's own tree keeps no duplicate keys. Refused here: broken syntax, duplicate
// keys, merge keys, tags, several documents, text that is not UTF-8, too much nesting. Values, usable from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/findings.h"
#include "recipe/place.h"

namespace infbench::recipe {

struct Entry;

struct Node {
  enum class Kind { null, scalar, list, map };
  Kind kind = Kind::null;
  bool plain = true;           // a scalar without quotes, so that 8 is a number and "8" is not
  bool flow = false;           // a list or map in brackets: {mem} for one
  std::string text;            // of a scalar
  std::vector<Node> items;     // of a list
  std::vector<Entry> entries;  // of a map, in the order of the file; a duplicate key stands here twice
  Place place;

  const Entry* find(std::string_view key) const;  // the first of this key; null when there is none
  Entry* find(std::string_view key);
};

struct Entry {
  std::string key;
  Place place;
  Node value;
};

struct Tree {
  Node root;
  bool complete = true;  // false: the text has a syntax error; root holds what was whole before it
};

// `origin` is the place of the first byte of `text`. None: there is no document in it (a finding only if the text is not
// valid).
std::optional<Tree> parse_yaml(std::string_view text, const Place& origin, Findings& findings);

}  // namespace infbench::recipe
