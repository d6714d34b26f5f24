#include "recipe/schema_field.h"

namespace infbench::recipe {
namespace {

constexpr auto kFrontends = std::to_array<std::string_view>({"sglang", "srtctl"});
constexpr auto kRefusedFrontends = std::to_array<Refused>({
    {"dynamo", "its router needs Dynamo's workers"},
    {"trtllm_serve", "there are no TensorRT-LLM workers"},
    {"vllm", "a single worker needs no router; sglang's serves vLLM workers as well"},
    {"vllm-router", "sglang's serves vLLM workers as well"},
    {"sgl-router", "write sglang"},
});
constexpr auto kBackends = std::to_array<std::string_view>({"sglang", "vllm", "model"});
constexpr auto kRefusedBackends = std::to_array<Refused>({
    {"trtllm", "there are no TensorRT-LLM workers"},
    {"mocker", "it needs Dynamo; model is an engine without GPUs"},
});

constexpr std::string_view kNginx = "there is one router, without nginx";
constexpr std::string_view kTrtllm = "it belongs to trtllm_serve";
constexpr auto kRefusedFrontend = std::to_array<Refused>({
    {"container_image", "the router runs in model.container"},
    {"ctx_router", kTrtllm},
    {"dedicated_node", "the router runs on the first node"},
    {"gen_router", kTrtllm},
    {"nginx_container", kNginx},
    {"nginx_keepalive_timeout", kNginx},
    {"nginx_raise_ulimit", kNginx},
    {"nginx_session_affinity", kNginx},
    {"nginx_session_affinity_header", kNginx},
    {"num_additional_frontends", kNginx},
    {"orchestrator_placement", kTrtllm},
    {"server_config_extra", kTrtllm},
});
constexpr std::string_view kMocker = "it belongs to mocker; model is an engine without GPUs";
constexpr auto kRefusedBackend = std::to_array<Refused>({
    {"mooncake_kv_store", "workers keep their KV to themselves"},
    {"trtllm_config", "there are no TensorRT-LLM workers"},
    {"connector", "prefill/decode pairs of vLLM are not supported"},
    {"dp_launch_mode", "data parallelism over several servers is not supported"},
    {"engine_type", kMocker},
    {"kv_transfer_bandwidth", kMocker},
    {"speedup_ratio", "it belongs to mocker; engine.time_scale is the like of it for model"},
    {"startup_time", kMocker},
});
constexpr auto kRefusedVllm = std::to_array<Refused>({
    {"connector", "prefill/decode pairs of vLLM are not supported"},
    {"prefill", "prefill/decode pairs of vLLM are not supported"},
    {"decode", "prefill/decode pairs of vLLM are not supported"},
});

const auto kFrontend = std::to_array<Field<Frontend>>({
    {"type",
     &Frontend::type,
     {.doc = "the router: sglang (sglang-router) or srtctl (our own)",
      .required = true,
      .choices = kFrontends,
      .refused = kRefusedFrontends}},
    {"enable_multiple_frontends",
     &Frontend::enable_multiple_frontends,
     {.doc = "several routers behind nginx; only false is supported, and the default is the other"}},
    {"args", &Frontend::args, {.doc = "command-line flags of the router; policy is the one that matters most"}},
    {"env", &Frontend::env, {.doc = "environment variables of the router"}},
});

const auto kBackend = std::to_array<Field<Backend>>({
    {"type",
     &Backend::type,
     {.doc = "the engine of the workers: sglang, vllm, or model (`srtctl serve` with the flags of sglang, no GPUs needed)",
      .choices = kBackends,
      .refused = kRefusedBackends}},
    {"prefill_environment", &Backend::prefill_environment, {.doc = "environment variables of prefill workers"}},
    {"decode_environment", &Backend::decode_environment, {.doc = "environment variables of decode workers"}},
    {"aggregated_environment", &Backend::aggregated_environment, {.doc = "environment variables of aggregated workers"}},
});

const auto kSglangConfig = std::to_array<Field<EngineConfig>>({
    {"prefill", &EngineConfig::prefill, {.doc = "server flags of prefill workers"}},
    {"decode", &EngineConfig::decode, {.doc = "server flags of decode workers"}},
    {"aggregated", &EngineConfig::aggregated, {.doc = "server flags of aggregated workers"}},
});

const auto kVllmConfig = std::to_array<Field<EngineConfig>>({
    {"aggregated", &EngineConfig::aggregated, {.doc = "server flags of aggregated workers"}},
});

}  // namespace

BoundSection bind_frontend(Frontend& frontend) {
  return section_of("frontend", "the router", true, kFrontend, frontend, kRefusedFrontend);
}

BoundSection bind_backend(Backend& backend) {
  BoundSection section = section_of("backend", "the engine", true, kBackend, backend, kRefusedBackend);
  section.fields.push_back(
      {"kv_events_config",
       KvEventsSlot{&backend},
       {.doc = "KV cache events over ZMQ: true for all workers, or per role (prefill, decode, aggregated) "
               "true, false or `{publisher: zmq, topic: kv-events}`; a frontend of type srtctl is told where"}});
  section.sections.push_back(
      section_of("sglang_config", "server flags of sglang, per role, for the types sglang and model; '_' in a name is '-'",
                 false, kSglangConfig, backend.sglang_config));
  section.sections.push_back(section_of("vllm_config", "server flags of vLLM, for the type vllm; '_' in a name is '-'", false,
                                        kVllmConfig, backend.vllm_config, kRefusedVllm));
  return section;
}

}  // namespace infbench::recipe
