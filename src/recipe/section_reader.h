// SectionReader: walks the tree of a recipe along the schema's tables, fills the fields and writes down all that does not fit:
// unknown keys, wrong types, values out of range, missing keys. It knows no single key: the tables do.
//
// One owner, one thread; the tree, the schema and the Findings must outlive it.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "recipe/findings.h"
#include "recipe/known_flags.h"
#include "recipe/schema.h"
#include "recipe/yaml_tree.h"

namespace infbench::recipe {

class SectionReader {
 public:
  // `complete`: false when the tree is only a part of the text, so that nothing can be said to be missing. `aliases`: of models
  // and containers; must outlive it. `whole`: what is read, for errors about all of it.
  SectionReader(Findings& findings, bool complete, const Cluster& aliases, std::string_view whole)
      : findings_(findings), complete_(complete), aliases_(aliases), whole_(whole) {}

  // `place`: of the section's key. `path`: "" for the recipe itself, else "backend.sglang_config".
  void read(const BoundSection& section, const Node& node, const std::string& path, const Place& place);

  // The flags of the program of `table`, once it is known which one that is.
  void read_flags(const Node& node, const std::string& path, const FlagTable& table, Flags& into);

  // True when nothing was wrong with the value at this path ("resources.agg_nodes") or with what it stands in.
  bool fine(std::string_view path) const;
  void spoil(std::string path) { bad_.insert(std::move(path)); }

 private:
  struct Target;  // fills one Slot; field_reader.cc

  void read_entry(const BoundSection& section, const Entry& entry, const std::string& path);
  void read_field(const BoundField& field, const Entry& entry, const std::string& path);
  void unknown_key(const BoundSection& section, const Entry& entry, const std::string& path);
  void unknown(const Entry& entry, const std::string& path, const std::vector<std::string_view>& known);
  void report_missing(const BoundSection& section, const Node& node, const std::string& path, const Place& place);
  bool resolve(std::string& text, const std::string& path, const Rule& rule, const Place& place);
  void read_kv_events(const Node& node, const std::string& path, std::optional<KvEvents>& into);
  void wrong_type(const std::string& path, std::string_view expected, const Node& found);
  bool in_range(const std::string& path, const Range& range, double number, const Node& found, std::string_view hint = {});
  void read_flag(const Entry& entry, const std::string& path, const FlagTable& table, std::vector<Flag>& flags);
  bool read_value(const Node& node, const std::string& path, Value& into);
  bool flag_fits(const Flag& flag, const KnownFlag& known, const std::string& path, const Node& node);

  Findings& findings_;
  bool complete_;
  const Cluster& aliases_;
  std::string_view whole_;
  std::set<std::string, std::less<>> bad_;
};

}  // namespace infbench::recipe
