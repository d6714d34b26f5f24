// Reads the data files of cost/model.h.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <set>
#include <sstream>

#include "base/number.h"
#include "cost/decimal.h"
#include "cost/model.h"
#include "cost/text_file.h"
#include "cost/yaml_findings.h"

namespace infbench::cost {
namespace {

constexpr std::int64_t kFormat = 1;
constexpr std::int64_t kMost = std::int64_t{1} << 50;  // bytes, tokens: far above any machine's

// A mapping whose keys are exactly `names`, and perhaps `optional_name`: what else there is, what is twice and what is missing
// is found here. Each value is then asked for by name and type; a bad one is a finding and gives the type's zero.
class Section {
 public:
  Section(const YAML::Node& node, std::string title, std::vector<std::string_view> names, Findings& findings,
          std::string_view optional_name = {})
      : node_(node), title_(std::move(title)), findings_(&findings) {
    if (!node.IsMap()) {
      findings.add(node.Mark(), fmt::format("expected {} to be a mapping", title_));
      return;
    }
    std::set<std::string, std::less<>> seen;
    for (const auto& item : node) {
      const std::string& name = item.first.Scalar();
      if (std::find(names.begin(), names.end(), name) == names.end() && name != optional_name) {
        findings.add(item.first.Mark(), fmt::format("unknown key '{}' in {}", name, title_), did_you_mean(name, names));
      } else if (!seen.insert(name).second) {
        findings.add(item.first.Mark(), fmt::format("key '{}' is in {} twice", name, title_));
      }
    }
    for (const std::string_view name : names) {
      if (!seen.contains(name)) findings.add(node.Mark(), fmt::format("expected the key '{}' in {}", name, title_));
    }
  }

  // Nothing when it is missing (which is then a finding already).
  std::optional<YAML::Node> value(std::string_view name) const {
    if (!node_.IsMap()) return std::nullopt;
    const YAML::Node found = node_[std::string(name)];
    if (!found.IsDefined()) return std::nullopt;
    return found;
  }

  Section section(std::string_view name, std::vector<std::string_view> names) const {
    const auto found = value(name);
    // Missing: an empty mapping without names, so that it is reported once.
    if (!found) return Section(YAML::Node(YAML::NodeType::Map), std::string(name), {}, *findings_);
    return Section(*found, fmt::format("'{}'", name), std::move(names), *findings_);
  }

  std::string text(std::string_view name) const {
    const auto found = value(name);
    if (!found) return {};
    if (found->IsScalar() && !found->Scalar().empty()) return found->Scalar();
    findings_->add(found->Mark(), fmt::format("expected '{}' to be a text", name));
    return {};
  }

  std::vector<std::string> texts(std::string_view name, std::size_t least) const {
    std::vector<std::string> list;
    const auto found = value(name);
    if (!found) return list;
    if (found->IsSequence()) {
      for (const auto& item : *found) {
        if (item.IsScalar() && !item.Scalar().empty()) list.push_back(item.Scalar());
      }
      if (list.size() == found->size() && list.size() >= least) return list;
    }
    findings_->add(found->Mark(), fmt::format("expected '{}' to be a list of {} or more texts", name, least));
    return {};
  }

  std::int64_t integer(std::string_view name, std::int64_t least) const {
    const auto found = value(name);
    return found ? integer_of(*found, name, least) : 0;
  }

  // A time of `least` ns or more, in plain decimals.
  Ticks ns(std::string_view name, Ticks least = 0) const {
    const auto found = value(name);
    if (!found) return 0;
    const auto ticks = found->IsScalar() ? parse_fixed(found->Scalar(), 16) : std::nullopt;
    if (ticks && *ticks >= least) return *ticks;
    findings_->add(found->Mark(), fmt::format("expected '{}' to be nanoseconds {}, in plain decimals, found '{}'", name,
                                              least > 0 ? "above 0" : ">= 0", found->IsScalar() ? found->Scalar() : "..."));
    return 0;
  }

  double percent(std::string_view name) const {
    const auto found = value(name);
    if (!found) return 0;
    constexpr int kBits = 20;
    const auto fixed = found->IsScalar() ? parse_fixed(found->Scalar(), kBits) : std::nullopt;
    if (fixed) return static_cast<double>(*fixed) / (1 << kBits);
    findings_->add(found->Mark(), fmt::format("expected '{}' to be a percentage >= 0", name));
    return 0;
  }

  std::array<Tokens, 3> knees(std::string_view name) const {
    std::array<Tokens, 3> knees{};
    const auto found = value(name);
    if (!found) return knees;
    if (found->IsSequence() && found->size() == knees.size()) {
      for (std::size_t i = 0; i < knees.size(); ++i) knees[i] = integer_of((*found)[i], name, 0);
      if (knees[0] <= knees[1] && knees[1] <= knees[2]) return knees;
    }
    findings_->add(found->Mark(), fmt::format("expected '{}' to be a list of three rising numbers", name));
    return {};
  }

 private:
  std::int64_t integer_of(const YAML::Node& node, std::string_view name, std::int64_t least) const {
    const std::string& word = node.IsScalar() ? node.Scalar() : "";
    const auto number = number_in<std::int64_t>(word);
    if (number && *number >= least && *number <= kMost) return *number;
    findings_->add(node.Mark(), fmt::format("expected '{}' to be an integer from {} to 2^50, found '{}'", name, least, word));
    return 0;
  }

  YAML::Node node_;
  std::string title_;
  Findings* findings_;
};

Coefficients read_coefficients(const Section& top) {
  const Section in =
      top.section("step_time", {"step_ns", "prompt_step_ns", "decode_step_ns", "token_ns", "token_beyond_first_knee_ns",
                                "token_beyond_second_knee_ns", "token_beyond_third_knee_ns", "wave_ns", "kv_token_ns",
                                "kv_token_below_knee_ns", "attention_pair_ns", "token_knees", "wave_knee", "kv_knee"});
  return Coefficients{.step = in.ns("step_ns", 1),
                      .prompt_step = in.ns("prompt_step_ns"),
                      .decode_step = in.ns("decode_step_ns"),
                      .token = in.ns("token_ns"),
                      .token_beyond = {in.ns("token_beyond_first_knee_ns"), in.ns("token_beyond_second_knee_ns"),
                                       in.ns("token_beyond_third_knee_ns")},
                      .wave = in.ns("wave_ns"),
                      .kv_token = in.ns("kv_token_ns"),
                      .kv_token_below_knee = in.ns("kv_token_below_knee_ns"),
                      .attention_pair = in.ns("attention_pair_ns"),
                      .token_knees = in.knees("token_knees"),
                      .wave_knee = in.integer("wave_knee", 0),
                      .kv_knee = in.integer("kv_knee", 0)};
}

KvCapacity read_capacity(const Section& top) {
  const Section in = top.section("kv_capacity", {"memory_bytes", "weights_bytes", "runtime_bytes", "communication_bytes",
                                                 "activation_bytes_per_chunk_token", "kv_bytes_per_token_per_gpu"});
  return KvCapacity{.memory = in.integer("memory_bytes", 1),
                    .weights = in.integer("weights_bytes", 0),
                    .runtime = in.integer("runtime_bytes", 0),
                    .communication = in.integer("communication_bytes", 0),
                    .activation_per_chunk_token = in.integer("activation_bytes_per_chunk_token", 0),
                    .kv_per_token_per_gpu = in.integer("kv_bytes_per_token_per_gpu", 1)};
}

std::array<KindErrors, kKinds.size()> read_errors(const Section& provenance, std::string_view name) {
  const Section in = provenance.section(name, {kKinds.begin(), kKinds.end()});
  std::array<KindErrors, kKinds.size()> errors;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const Section kind = in.section(kKinds[i], {"rows", "mape", "p95", "worst"});
    errors[i] = {.rows = static_cast<int>(std::min<std::int64_t>(kind.integer("rows", 0), std::numeric_limits<int>::max())),
                 .mape = kind.percent("mape"),
                 .p95 = kind.percent("p95"),
                 .worst = kind.percent("worst")};
  }
  return errors;
}

Provenance read_provenance(const Section& top) {
  const Section in =
      top.section("provenance", {"source", "license", "fit", "fitted_errors_percent", "held_out_errors_percent"});
  return Provenance{.source = in.text("source"),
                    .license = in.text("license"),
                    .fit = in.text("fit"),
                    .fitted = read_errors(in, "fitted_errors_percent"),
                    .held_out = read_errors(in, "held_out_errors_percent")};
}

double read_uncertainty(const Section& top, const Provenance& provenance) {
  if (top.value("uncertainty")) {
    return top.section("uncertainty", {"relative_sd_percent"}).percent("relative_sd_percent") / 100;
  }
  double mape = 0.8;
  for (const KindErrors& kind : provenance.held_out) mape = std::max(mape, kind.mape);
  return 1.25 * mape / 100;
}

Result<Model> read_document(const YAML::Node& document, Findings& findings) {
  const Section top(
      document, "a data file of step times",
      {"format", "models", "precision", "gpu", "gpu_aliases", "tp", "engine", "provenance", "step_time", "kv_capacity"},
      findings, "uncertainty");
  if (const auto format = top.value("format"); format && top.integer("format", 0) != kFormat) {
    findings.add(format->Mark(), fmt::format("expected format {}", kFormat));
  }
  const std::vector<std::string> models = top.texts("models", 1);
  const Key key{.model = models.empty() ? "" : models.front(),
                .precision = top.text("precision"),
                .gpu = top.text("gpu"),
                .tp = static_cast<int>(std::min<std::int64_t>(top.integer("tp", 1), std::numeric_limits<int>::max())),
                .engine = top.text("engine")};
  const std::vector<std::string> aliases = top.texts("gpu_aliases", 0);
  const Coefficients coefficients = read_coefficients(top);
  const KvCapacity capacity = read_capacity(top);
  Provenance provenance = read_provenance(top);
  const double relative_sd = read_uncertainty(top, provenance);
  if (!findings.empty()) return fail(findings.take());
  return Model{.key = key,
               .models = models,
               .gpu_aliases = aliases,
               .step_time = StepTime(coefficients),
               .kv = capacity,
               .provenance = std::move(provenance),
               .scaled_from = {},
               .relative_sd = relative_sd};
}

// Sees where documents begin.
class DocumentStarts final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*text*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

  const YAML::Mark& mark() const { return mark_; }

 private:
  YAML::Mark mark_;
};

// YAML::LoadAll takes a ',' or ']' that nothing opened for the end of an empty document, does not pass it, and goes on for
// ever. Throws YAML::ParserException where it would.
void check_documents(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts documents;
  for (int last = -1; parser.HandleNextDocument(documents); last = documents.mark().pos) {
    if (documents.mark().pos == last) throw YAML::ParserException(documents.mark(), "expected a value");
  }
}

}  // namespace

Result<std::vector<Model>> read_model_files(const std::string& path) {
  const Result<std::string> text = read_text(path);
  if (!text) return fail(text.error());
  Findings findings(path, *text);
  try {
    std::vector<Model> models;
    Errors errors;
    check_documents(*text);
    for (const YAML::Node& document : YAML::LoadAll(*text)) {
      auto model = read_document(document, findings);
      if (model) models.push_back(*std::move(model));
      if (!model) errors.insert(errors.end(), model.error().begin(), model.error().end());
    }
    if (!errors.empty()) return fail(std::move(errors));
    if (models.empty())
      return fail(
          Error{.what = "expected a data file of step times, found nothing", .hint = {}, .file = path, .source_line = {}});
    return models;
  } catch (const YAML::Exception& error) {
    findings.add(error.mark, fmt::format("not valid YAML: {}", error.msg));
    return fail(findings.take());
  }
}

Result<Model> read_model_file(const std::string& path) {
  auto models = read_model_files(path);
  if (!models) return fail(std::move(models.error()));
  if (models->size() == 1) return std::move(models->front());
  return fail(Error{.what = fmt::format("expected one data file of step times, found {}", models->size()),
                    .hint = {},
                    .file = path,
                    .source_line = {}});
}

}  // namespace infbench::cost
