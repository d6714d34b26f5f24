#include "cost/scale.h"

#include <algorithm>
#include <cmath>

namespace infbench::cost {
namespace {

Ticks times(Ticks value, double factor) { return std::llround(static_cast<double>(value) * factor); }

double ratio(double to, double from) { return to / from; }

// Estimates of one TP from the data of another are off by up to 16 % in the mean (docs/fidelity.md), times 1.25 as in model.h.
constexpr double kRelativeSd = 0.2;

}  // namespace

Model scaled(const Model& nearest, const Architecture& from, const Architecture& to, const Key& key) {
  const int tp = nearest.key.tp;
  const auto bytes = [](Bytes value) { return static_cast<double>(value); };
  const double weights = ratio(bytes(to.weight_bytes(key.tp)), bytes(from.weight_bytes(tp)));
  const double products = ratio(to.multiplications_per_token(key.tp), from.multiplications_per_token(tp));
  const double kv = ratio(bytes(to.kv_bytes_per_token(key.tp)), bytes(from.kv_bytes_per_token(tp)));
  const double pairs = ratio(to.multiplications_per_pair(key.tp), from.multiplications_per_pair(tp));
  const double layers = ratio(static_cast<double>(to.layers), static_cast<double>(from.layers));

  Coefficients c = nearest.step_time.coefficients();
  c.step = std::max<Ticks>(1, times(c.step, weights));  // the weights are read
  c.prompt_step = times(c.prompt_step, layers);         // kernels are launched
  c.decode_step = times(c.decode_step, layers);
  c.token = times(c.token, products);
  for (Ticks& beyond : c.token_beyond) beyond = times(beyond, products);
  c.wave = times(c.wave, products);
  c.kv_token = times(c.kv_token, kv);
  c.kv_token_below_knee = times(c.kv_token_below_knee, kv);
  c.attention_pair = times(c.attention_pair, pairs);

  Model model = nearest;
  model.key = {.model = key.model, .precision = key.precision, .gpu = nearest.key.gpu, .tp = key.tp, .engine = key.engine};
  model.models = {key.model};
  model.step_time = StepTime(c);
  model.kv.weights = to.weight_bytes(key.tp);
  model.kv.kv_per_token_per_gpu = to.kv_bytes_per_token(key.tp);
  model.kv.activation_per_chunk_token =
      times(model.kv.activation_per_chunk_token, ratio(static_cast<double>(to.hidden), static_cast<double>(from.hidden)));
  model.scaled_from = describe(nearest.key);
  model.provenance.fitted = {};
  model.provenance.held_out = {};
  model.relative_sd = std::max(model.relative_sd, kRelativeSd);
  return model;
}

}  // namespace infbench::cost
