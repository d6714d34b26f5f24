// What the tables of the schema are made of: a field as key, member of its section's struct, and rule. For schema*.cc only.
// Values, usable from any thread.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <variant>

#include "recipe/schema.h"

namespace infbench::recipe {

template <class S>
using Member = std::variant<std::string S::*, std::optional<std::string> S::*, std::int64_t S::*,
                            std::optional<std::int64_t> S::*, double S::*, std::optional<double> S::*, bool S::*,
                            StringMap S::*, std::vector<std::string> S::*, Flags S::*, std::optional<Flags> S::*>;

template <class S>
struct Field {
  std::string_view key;
  Member<S> member;
  Rule rule;
};

template <class S, std::size_t N>
BoundSection section_of(std::string_view key, std::string_view doc, bool required, const std::array<Field<S>, N>& table,
                        S& section, std::span<const Refused> refused = {}) {
  BoundSection bound{.key = key, .doc = doc, .required = required, .refused = refused};
  for (const Field<S>& field : table) {
    const Slot slot = std::visit([&](auto member) -> Slot { return &(section.*member); }, field.member);
    bound.fields.push_back({field.key, slot, field.rule});
  }
  return bound;
}

// Its sections.
BoundSection bind_frontend(Frontend& frontend);     // schema_serving.cc
BoundSection bind_backend(Backend& backend);        // schema_serving.cc
BoundSection bind_benchmark(Benchmark& benchmark);  // schema_benchmark.cc
// sbatch_directives that srtctl gives by itself.
std::span<const Refused> owned_directives();

BoundSection bind_health_check(std::string_view key, HealthCheck& health_check);

}  // namespace infbench::recipe
