#include "live/step_times_json.h"

#include <array>

#include <simdjson.h>

namespace infbench::live {
namespace {

template <std::size_t N>
void write_array(JsonWriter& json, std::string_view name, const std::array<std::int64_t, N>& values) {
  json.key(name);
  json.begin_array();
  for (const std::int64_t value : values) json.value(value);
  json.end_array();
}

template <std::size_t N>
void read_array(simdjson::dom::element from, std::array<std::int64_t, N>& to) {
  for (std::size_t i = 0; i < N; ++i) to[i] = from.at(i).get_int64();
}

}  // namespace

void write_step_times(JsonWriter& json, const cost::Coefficients& c) {
  json.begin_object();
  json.member("step", c.step);
  json.member("prompt_step", c.prompt_step);
  json.member("decode_step", c.decode_step);
  json.member("token", c.token);
  write_array(json, "token_beyond", c.token_beyond);
  json.member("wave", c.wave);
  json.member("kv_token", c.kv_token);
  json.member("kv_token_below_knee", c.kv_token_below_knee);
  json.member("attention_pair", c.attention_pair);
  write_array(json, "token_knees", c.token_knees);
  json.member("wave_knee", c.wave_knee);
  json.member("kv_knee", c.kv_knee);
  json.end_object();
}

cost::Coefficients read_step_times(const simdjson::dom::element& c) {
  cost::Coefficients to;
  to.step = c["step"].get_int64();
  to.prompt_step = c["prompt_step"].get_int64();
  to.decode_step = c["decode_step"].get_int64();
  to.token = c["token"].get_int64();
  read_array(c["token_beyond"], to.token_beyond);
  to.wave = c["wave"].get_int64();
  to.kv_token = c["kv_token"].get_int64();
  to.kv_token_below_knee = c["kv_token_below_knee"].get_int64();
  to.attention_pair = c["attention_pair"].get_int64();
  read_array(c["token_knees"], to.token_knees);
  to.wave_knee = c["wave_knee"].get_int64();
  to.kv_knee = c["kv_knee"].get_int64();
  return to;
}

}  // namespace infbench::live
