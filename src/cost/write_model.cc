#include "cost/write_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "base/check.h"
#include "cost/architecture.h"
#include "cost/decimal.h"

namespace infbench::cost {
namespace {

// The shortest decimal that reads back as the same Ticks.
std::string decimal(Ticks ticks) {
  const double ns = static_cast<double>(ticks) / kTicksPerNs;
  for (int digits = 0; digits <= 7; ++digits) {
    std::string text = fmt::format("{:.{}f}", ns, digits);
    if (parse_fixed(text, 16) == ticks) return text;
  }
  INFBENCH_CHECK(false);  // a tick is 1.5e-5 ns
  return {};
}

bool is_alphanumeric(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// As it is where YAML allows that, also in a list, else in double quotes.
std::string quoted(const std::string& text) {
  const bool plain =
      !text.empty() && is_alphanumeric(text.front()) && text.back() != ' ' && std::all_of(text.begin(), text.end(), [](char c) {
        return is_alphanumeric(c) || std::string_view("_./- ()").find(c) != std::string_view::npos;
      });
  if (plain) return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "\"";
}

std::string list(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + quoted(text);
  return "[" + out + "]";
}

std::string errors_text(const std::array<KindErrors, kKinds.size()>& errors) {
  std::string out;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    const KindErrors& e = errors[i];
    out += fmt::format("    {}: {{rows: {}, mape: {:.2f}, p95: {:.2f}, worst: {:.2f}}}\n", kKinds[i], e.rows, e.mape, e.p95,
                       e.worst);
  }
  return out;
}

std::string step_time_text(const Coefficients& c) {
  std::string out = "\n# 11 coefficients and 5 knees. Nanoseconds.\nstep_time:\n";
  const auto line = [&](std::string_view name, Ticks ticks, std::string_view note) {
    out += fmt::format("  {}: {}  # {}\n", name, decimal(ticks), note);
  };
  line("step_ns", c.step, "every step: the weights are read once, kernels are launched");
  line("prompt_step_ns", c.prompt_step, "more when the step computes prompt tokens");
  line("decode_step_ns", c.decode_step, "more when the step decodes");
  line("token_ns", c.token, "per token: prompt tokens computed + sequences decoded");
  line("token_beyond_first_knee_ns", c.token_beyond[0],
       "more per such token beyond the first knee: matrix products become compute-bound");
  line("token_beyond_second_knee_ns", c.token_beyond[1], "... beyond the second");
  line("token_beyond_third_knee_ns", c.token_beyond[2], "... beyond the third");
  line("wave_ns", c.wave, "more once the tokens pass the wave knee: one more wave of tiles");
  line("kv_token_ns", c.kv_token, "per token of KV that decoding sequences read");
  line("kv_token_below_knee_ns", c.kv_token_below_knee,
       "more per such token up to the KV knee: short reads use the memory less well");
  line("attention_pair_ns", c.attention_pair, "per pair of a prompt token and a token it attends to, itself included");
  out += fmt::format("  token_knees: [{}]  # tokens of a step, rising\n", fmt::join(c.token_knees, ", "));
  out += fmt::format("  wave_knee: {}  # tokens of a step\n", c.wave_knee);
  out += fmt::format("  kv_knee: {}  # tokens of KV read by all decoding sequences together\n", c.kv_knee);
  return out;
}

std::string capacity_text(const KvCapacity& kv) {
  return fmt::format(
      "\n# KV tokens = floor((memory fraction x memory - weights - runtime - communication - activations) / bytes per token)\n"
      "kv_capacity:\n"
      "  memory_bytes: {}  # of one GPU\n"
      "  weights_bytes: {}  # per GPU\n"
      "  runtime_bytes: {}  # per GPU: CUDA context, graphs and the engine itself\n"
      "  communication_bytes: {}  # per GPU: buffers of the collective operations\n"
      "  activation_bytes_per_chunk_token: {}  # per GPU and token of the largest prefill step\n"
      "  kv_bytes_per_token_per_gpu: {}  # layers x KV heads x head size x (K and V) x bytes, over the GPUs\n",
      kv.memory, kv.weights, kv.runtime, kv.communication, kv.activation_per_chunk_token, kv.kv_per_token_per_gpu);
}

}  // namespace

std::string model_file_text(const Model& model) {
  const Key& key = model.key;
  const Provenance& from = model.provenance;
  std::string out = fmt::format("# Step times and KV capacity of {} ({}) on {}, TP{}, {}.\n", key.model, key.precision, key.gpu,
                                key.tp, key.engine);
  out += "# Written by srtctl calibrate; cost/step_time.h says what the model is.\n";
  out += fmt::format("format: 1\nmodels: {}\nprecision: {}\ngpu: {}\ngpu_aliases: {}\ntp: {}\nengine: {}\n", list(model.models),
                     quoted(key.precision), quoted(key.gpu), list(model.gpu_aliases), key.tp, quoted(key.engine));
  out += fmt::format("\nprovenance:\n  source: {}\n  license: {}\n  fit: {}\n", quoted(from.source), quoted(from.license),
                     quoted(from.fit));
  out += "  fitted_errors_percent:  # of the rows fitted\n" + errors_text(from.fitted);
  out += "  held_out_errors_percent:  # of rows the fit had not seen (cross-validation, knees searched in each fold)\n" +
         errors_text(from.held_out);
  return out + step_time_text(model.step_time.coefficients()) + capacity_text(model.kv);
}

std::string model_file_name(const Key& key) {
  std::string name = fmt::format("{}.{}.{}.tp{}.{}.yaml", short_name(key.model), key.precision, key.gpu, key.tp, key.engine);
  // Its parts are what a table says: none of them may lead into another folder.
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  for (char& c : name) c = plain(c) ? c : '-';
  if (name.front() == '.') name.front() = '-';
  return name;
}

}  // namespace infbench::cost
