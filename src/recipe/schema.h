// The schema of recipes and of srtslurm.yaml, as data: one table per section with key, type, limits and documentation of each
// field.
//
// bind_schema() ties the tables to one Recipe, bind_cluster_schema() to one Cluster, so that the reader (section_reader.h) and
// docs/recipes.md (document.h) come from the same data. A BoundSection points into that value and must not outlive it.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "recipe/cluster.h"
#include "recipe/recipe.h"

namespace infbench::recipe {

// One of a backend's three settings of KV cache events, or all of them: true, false, or a mapping of roles.
struct KvEventsSlot {
  Backend* backend = nullptr;
};

// Where a field's value goes; its type is the field's type. Optional ones may be null in the file, which is as not given.
using Slot = std::variant<std::string*, std::optional<std::string>*, std::int64_t*, std::optional<std::int64_t>*, double*,
                          std::optional<double>*, bool*, StringMap*, std::vector<std::string>*, Flags*, std::optional<Flags>*,
                          KvEventsSlot>;

// Limits of numbers.
struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
  bool above = false;  // `least` itself is not allowed
};

// Empty: the text may stand; else what was expected.
using TextCheck = std::string_view (*)(std::string_view);

// A key, or a value of one, that other readers of such files know and this one does not have; or that srtctl sets by itself.
struct Refused {
  std::string_view name;
  std::string_view why;
};

using Names = std::span<const std::string_view>;

struct Rule {
  std::string_view doc;
  bool required = false;
  Range range{};
  Names choices{};                        // of texts; empty: any
  std::span<const Refused> refused{};     // values that are not among the choices
  TextCheck check = nullptr;              // of a text; of each value of a mapping or list
  TextCheck key_check = nullptr;          // of each key of a mapping; null: names of environment variables
  std::span<const Refused> owned_keys{};  // keys that a mapping must not have: srtctl sets them; with where else to say it
  const StringMap Cluster::*aliases = nullptr;  // a text that is one of these aliases stands for its value
  bool expand = false;            // $NAME and ${NAME} stand for environment variables, in keys of a mapping as well
  std::string_view range_hint{};  // what to do about a number out of range
  Names types{};                  // of benchmark.type that the field belongs to; empty: all
  Names needed_by{};              // of these it must be given
  std::string_view client{};      // the benchmark.client that the field belongs to; empty: any
};

struct BoundField {
  std::string_view key;
  Slot slot;
  Rule rule;
};

struct BoundSection {
  std::string_view key;
  std::string_view doc;
  bool required = false;
  std::vector<BoundField> fields{};
  std::vector<BoundSection> sections{};
  std::span<const Refused> refused{};  // by name and with the reason; as null, false or empty they are accepted
  Names ignored{};                     // keys that may stand there and mean nothing
};

BoundSection bind_schema(Recipe& recipe);
BoundSection bind_cluster_schema(Cluster& cluster, HealthCheck& default_health_check);

// The type of a field in words: "an integer".
std::string_view type_name(const Slot& slot);

}  // namespace infbench::recipe
