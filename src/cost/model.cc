#include "cost/model.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <set>
#include <utility>

#include "cost/architecture.h"
#include "cost/scale.h"

namespace infbench::cost {
namespace {

namespace fs = std::filesystem;

// A data file by its name: model.precision.gpu.tpN.engine.yaml. The model may have points of its own.
struct Entry {
  std::string path;
  Key key;
};

std::optional<Entry> entry_of(const fs::path& path) {
  if (path.extension() != ".yaml") return std::nullopt;
  const std::string stem = path.stem().string();
  std::array<std::string_view, 4> fields;  // precision, gpu, tpN, engine
  std::string_view rest = stem;
  for (auto field = fields.rbegin(); field != fields.rend(); ++field) {
    const std::size_t point = rest.rfind('.');
    if (point == std::string_view::npos) return std::nullopt;
    *field = rest.substr(point + 1);
    rest = rest.substr(0, point);
  }
  int tp = 0;
  const std::string_view degree = fields[2];
  const char* end = degree.data() + degree.size();
  if (!degree.starts_with("tp") || std::from_chars(degree.data() + 2, end, tp).ptr != end) return std::nullopt;
  return Entry{.path = path.string(),
               .key = {.model = std::string(rest),
                       .precision = std::string(fields[0]),
                       .gpu = std::string(fields[1]),
                       .tp = tp,
                       .engine = std::string(fields[3])}};
}

Result<std::vector<Entry>> list_entries(const std::string& data_dir) {
  const fs::path folder = fs::path(data_dir) / "step_times";
  std::error_code error;
  std::vector<Entry> entries;
  for (fs::directory_iterator file(folder, error), end; !error && file != end; file.increment(error)) {
    if (auto entry = entry_of(file->path())) entries.push_back(std::move(*entry));
  }
  if (error) return fail(fmt::format("cannot read the folder of step times '{}': {}", folder.string(), error.message()));
  if (entries.empty()) {
    return fail(fmt::format("the folder '{}' holds no step times", folder.string()),
                "expected files named MODEL.PRECISION.GPU.tpN.ENGINE.yaml");
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
  return entries;
}

bool same_gpu(std::string_view asked, const Model& model) {
  return asked == model.key.gpu ||
         std::find(model.gpu_aliases.begin(), model.gpu_aliases.end(), asked) != model.gpu_aliases.end();
}

bool same_model(std::string_view asked, const Model& model) {
  return std::any_of(model.models.begin(), model.models.end(),
                     [&](const std::string& name) { return name == asked || short_name(name) == short_name(asked); });
}

// "did you mean 'x'?" for the first part of the key that no data file has but one nearly has.
std::string slip_of_the_finger(const Key& key, const std::vector<Entry>& entries) {
  const auto near = [&](std::string_view word, auto part) -> std::string {
    std::set<std::string> known;
    for (const Entry& entry : entries) known.insert(part(entry.key));
    if (known.contains(std::string(word))) return {};
    return did_you_mean(word, std::vector<std::string_view>(known.begin(), known.end()));
  };
  const auto alias = [](const std::string& gpu) { return gpu.substr(0, gpu.find('_')); };
  std::string hint = near(short_name(key.model), [](const Key& k) { return k.model; });
  if (hint.empty()) hint = near(key.precision, [](const Key& k) { return k.precision; });
  if (hint.empty()) hint = near(alias(key.gpu), [&](const Key& k) { return alias(k.gpu); });
  if (hint.empty()) hint = near(key.engine, [](const Key& k) { return k.engine; });
  return hint;
}

Error no_data(const Key& key, const std::string& data_dir, const std::vector<Entry>& entries) {
  std::string hint = slip_of_the_finger(key, entries);
  if (!hint.empty()) hint += ' ';
  hint += "there are:";
  for (const Entry& entry : entries) hint += fmt::format("{} {}", &entry == entries.data() ? "" : ",", describe(entry.key));
  return Error{.what = fmt::format("no step times for {} in '{}'", describe(key), data_dir),
               .hint = std::move(hint),
               .file = {},
               .source_line = {}};
}

// Between numbers of GPUs: how many times as many.
double times_apart(int a, int b) { return a > b ? static_cast<double>(a) / b : static_cast<double>(b) / a; }

// From the data that are nearest: of the same model if there are any, then of the nearest number of GPUs.
Result<Model> estimate(const std::string& data_dir, const Key& key, const std::vector<Entry>& entries) {
  auto to = find_architecture(data_dir, key.model, key.folder);
  if (!to) return fail(std::move(to.error()));
  std::optional<Model> nearest;
  for (const Entry& entry : entries) {
    if (!*to || entry.key.precision != key.precision || entry.key.engine != key.engine) continue;
    auto model = read_model_file(entry.path);
    if (!model) return model;
    if (!same_gpu(key.gpu, *model)) continue;
    const auto rank = [&](const Model& m) { return std::pair(!same_model(key.model, m), times_apart(m.key.tp, key.tp)); };
    if (!nearest || rank(*model) < rank(*nearest)) nearest = *std::move(model);
  }
  if (!nearest) return fail(no_data(key, data_dir, entries));
  auto from = find_architecture(data_dir, nearest->key.model);
  if (!from) return fail(std::move(from.error()));
  if (!*from) return fail(no_data(key, data_dir, entries));
  if ((*to)->heads % key.tp != 0) {
    return fail(fmt::format("cannot estimate {}: its {} attention heads cannot be shared by {} GPUs", describe(key),
                            (*to)->heads, key.tp));
  }
  return scaled(*nearest, **from, **to, key);
}

}  // namespace

std::string describe(const Key& key) {
  return fmt::format("{} {} on {} TP{} {}", key.model, key.precision, key.gpu, key.tp, key.engine);
}

Tokens KvCapacity::tokens(double memory_fraction, Tokens chunk) const {
  const Bytes usable = static_cast<Bytes>(memory_fraction * static_cast<double>(memory));
  const Bytes left = usable - weights - runtime - communication - activation_per_chunk_token * chunk;
  return left <= 0 ? 0 : left / kv_per_token_per_gpu;
}

std::string estimate_note(const Model& model) {
  if (model.scaled_from.empty()) return {};
  return fmt::format("no step times for {}: estimated from {}, by the work and the bytes of each GPU", describe(model.key),
                     model.scaled_from);
}

Result<Model> load(const std::string& data_dir, const Key& key) {
  const auto entries = list_entries(data_dir);
  if (!entries) return fail(entries.error());
  for (const Entry& entry : *entries) {
    const Key& named = entry.key;
    // The rest, other names of the model and the GPU, only the file knows.
    if (named.precision != key.precision || named.tp != key.tp || named.engine != key.engine) continue;
    auto model = read_model_file(entry.path);
    if (!model) return model;
    if (same_model(key.model, *model) && same_gpu(key.gpu, *model)) return model;
  }
  return estimate(data_dir, key, *entries);
}

Result<std::vector<Model>> load_all(const std::string& data_dir) {
  const auto entries = list_entries(data_dir);
  if (!entries) return fail(entries.error());
  std::vector<Model> models;
  for (const Entry& entry : *entries) {
    auto model = read_model_file(entry.path);
    if (!model) return fail(std::move(model.error()));
    models.push_back(*std::move(model));
  }
  return models;
}

}  // namespace infbench::cost
