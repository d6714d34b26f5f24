#include "live/serve_info.h"

#include "base/json_writer.h"

namespace infbench::live {

std::string_view disaggregation_mode(Role role) {
  return role == Role::prefill ? "prefill" : role == Role::decode ? "decode" : "null";
}

std::string models_json(const ServeSettings& settings, std::int64_t created) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("object", "list");
  json.key("data");
  json.begin_array();
  json.begin_object();
  json.member("id", settings.model_name);
  json.member("object", "model");
  json.member("created", created);
  json.member("owned_by", "sglang");
  json.member("root", settings.model_name);
  json.key("parent");
  json.null();
  json.member("max_model_len", settings.config.context_length);
  json.end_object();
  json.end_array();
  json.end_object();
  return out;
}

std::string model_info_json(const ServeSettings& settings) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("model_path", settings.model_path);
  json.member("tokenizer_path", settings.model_path);
  json.member("is_generation", true);
  json.key("preferred_sampling_params");
  json.null();
  json.member("weight_version", "default");
  json.member("has_image_understanding", false);
  json.member("has_audio_understanding", false);
  json.end_object();
  return out;
}

std::string server_info_json(const ServeSettings& settings, const EngineGauges& engine) {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.member("model_path", settings.model_path);
  json.member("tokenizer_path", settings.model_path);
  json.member("served_model_name", settings.model_name);
  json.member("host", settings.host);
  json.member("port", settings.port);
  json.member("tp_size", settings.tp);
  json.member("dp_size", 1);
  json.member("pp_size", 1);
  json.member("load_balance_method", "round_robin");
  json.member("mem_fraction_static", settings.mem_fraction_static);
  json.member("page_size", settings.config.page);
  json.member("context_length", settings.config.context_length);
  json.member("chunked_prefill_size", settings.config.chunk);
  json.member("disaggregation_mode", disaggregation_mode(settings.config.role));
  json.key("disaggregation_bootstrap_port");
  if (settings.config.role == Role::prefill) {
    json.value(settings.bootstrap_port);
  } else {
    json.null();
  }
  json.member("max_total_num_tokens", engine.capacity);
  json.key("internal_states");
  json.begin_array();
  json.begin_object();
  json.member("num_running_reqs", engine.running);
  json.member("num_waiting_reqs", engine.waiting);
  json.member("num_used_tokens", engine.used);
  json.end_object();
  json.end_array();
  json.member("status", "ready");
  json.member("version", "infbench engine model of " + cost::describe(settings.model->key));
  json.end_object();
  return out;
}

std::string load_json(const EngineGauges& engine) {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  json.begin_object();
  json.member("dp_rank", 0);
  json.member("num_reqs", engine.running + engine.waiting);
  json.member("num_waiting_reqs", engine.waiting);
  json.member("num_tokens", engine.used);
  json.end_object();
  json.end_array();
  return out;
}

}  // namespace infbench::live
