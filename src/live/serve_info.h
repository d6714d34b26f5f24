// What a worker says about itself: /v1/models, /model_info, /server_info, /get_load. Pure functions to JSON.
#pragma once

#include <cstdint>
#include <string>

#include "live/serve_settings.h"
#include "live/serve_stats.h"

namespace infbench::live {

std::string models_json(const ServeSettings& settings, std::int64_t created);
std::string model_info_json(const ServeSettings& settings);
std::string server_info_json(const ServeSettings& settings, const EngineGauges& engine);
std::string load_json(const EngineGauges& engine);

// "null", "prefill", "decode": as sglang names --disaggregation-mode.
std::string_view disaggregation_mode(Role role);

}  // namespace infbench::live
