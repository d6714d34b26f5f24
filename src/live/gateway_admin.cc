#include "live/gateway_admin.h"

#include <simdjson.h>

#include "base/json_writer.h"
#include "live/replay_inputs.h"

namespace infbench::live {
namespace {

std::string_view type_of(Role role) { return role == Role::aggregated ? "regular" : name_of(role); }

int count(const Gateway& gateway, Role role) {
  int found = 0;
  for (const GatewayWorker& worker : gateway.workers()) found += !worker.removed && worker.settings.role == role ? 1 : 0;
  return found;
}

void write_worker(const GatewayWorker& worker, std::size_t id, JsonWriter& json) {
  json.begin_object();
  json.member("id", std::string_view(std::to_string(id)));
  json.member("url", std::string_view(worker.settings.target.url));
  json.member("model_id", "unknown");  // it is not asked for: there is one model
  json.member("priority", 50);
  json.member("cost", 1.0);
  json.member("worker_type", type_of(worker.settings.role));
  json.key("bootstrap_port");
  if (worker.settings.bootstrap_port) {
    json.value(*worker.settings.bootstrap_port);
  } else {
    json.null();
  }
  json.member("is_healthy", worker.up);
  json.member("load", worker.active);
  json.member("connection_mode", "HTTP");
  json.end_object();
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool code = text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0;
    out += code ? static_cast<char>(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2])) : text[i];
    if (code) i += 2;
  }
  return out;
}

}  // namespace

std::string workers_json(const Gateway& gateway) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  json.begin_object();
  json.key("workers");
  json.begin_array();
  std::int64_t total = 0;
  for (std::size_t i = 0; i < gateway.workers().size(); ++i) {
    if (gateway.workers()[i].removed) continue;
    ++total;
    write_worker(gateway.workers()[i], i, json);
  }
  json.end_array();
  json.member("total", total);
  json.key("stats");
  json.begin_object();
  json.member("prefill_count", count(gateway, Role::prefill));
  json.member("decode_count", count(gateway, Role::decode));
  json.member("regular_count", count(gateway, Role::aggregated));
  json.end_object();
  json.end_object();
  return out;
}

std::string worker_json(const Gateway& gateway, WorkerId worker) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  write_worker(gateway.workers()[worker.value], worker.value, json);
  return out;
}

std::optional<WorkerId> find_worker(const Gateway& gateway, std::string_view id_or_url) {
  std::string wanted = percent_decoded(id_or_url);
  if (const auto url = parse_target(wanted); wanted.find("://") != std::string::npos && url) wanted = url->url;
  for (std::size_t i = 0; i < gateway.workers().size(); ++i) {
    const GatewayWorker& worker = gateway.workers()[i];
    if (worker.removed || (std::to_string(i) != wanted && worker.settings.target.url != wanted)) continue;
    return WorkerId{static_cast<std::uint32_t>(i)};
  }
  return std::nullopt;
}

std::string accepted_json(const Gateway& gateway, WorkerId worker, std::string_view message) {
  const std::string id = std::to_string(worker.value);
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  json.begin_object();
  json.member("status", "accepted");
  json.member("worker_id", std::string_view(id));
  json.member("url", std::string_view(gateway.workers()[worker.value].settings.target.url));
  json.member("location", std::string_view("/workers/" + id));
  json.member("message", message);
  json.end_object();
  return out;
}

Result<void> read_worker_update(std::string_view text) {
  simdjson::dom::parser parser;
  simdjson::dom::object root;
  if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS) return fail("expected a JSON object");
  for (const auto& [name, value] : root) {
    if (name == "priority" || name == "cost" || name == "labels") continue;
    return fail(std::string(name) + " of a worker cannot be changed: DELETE it and POST it as it is to be");
  }
  return {};
}

std::string flushed_json(std::size_t workers) {
  const auto count = static_cast<std::int64_t>(workers);
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  json.begin_object();
  json.member("status", "success");
  json.member("message", "every worker has flushed its cache");
  json.member("workers_flushed", count);
  json.member("total_http_workers", count);
  json.member("total_workers", count);
  json.end_object();
  return out;
}

bool is_ready(const Gateway& gateway) {
  if (gateway.usable_workers(Role::aggregated) > 0) return true;
  return gateway.usable_workers(Role::prefill) > 0 && gateway.usable_workers(Role::decode) > 0;
}

std::string readiness_json(const Gateway& gateway) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  std::int64_t healthy = 0;
  std::int64_t total = 0;
  for (const GatewayWorker& worker : gateway.workers()) {
    if (worker.removed) continue;
    ++total;
    healthy += worker.up ? 1 : 0;
  }
  json.begin_object();
  json.member("status", is_ready(gateway) ? "ready" : "not_ready");
  json.member("healthy_workers", healthy);
  json.member("total_workers", total);
  json.end_object();
  return out;
}

std::string loads_json(const Gateway& gateway, Time now) {
  std::string out;
  JsonWriter json(out, JsonWriter::Style::compact);
  json.begin_object();
  json.key("workers");
  json.begin_array();
  for (std::size_t i = 0; i < gateway.workers().size(); ++i) {
    const GatewayWorker& worker = gateway.workers()[i];
    const WorkerId id{static_cast<std::uint32_t>(i)};
    if (worker.removed) continue;
    json.begin_object();
    json.member("worker", std::string_view(worker.settings.target.url));
    json.member("worker_type", type_of(worker.settings.role));
    json.member("load", gateway.router().ledger().knows(id) ? gateway.router().ledger().view(id, now).kv_used : 0);
    json.member("requests", worker.active);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out;
}

Result<UpstreamSettings> read_worker(std::string_view text, bool disaggregated) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  std::string_view url;
  if (parser.parse(simdjson::padded_string(text)).get(root) != simdjson::SUCCESS || root["url"].get(url) != simdjson::SUCCESS) {
    return fail("expected a JSON object with the worker's url");
  }
  auto target = parse_target(std::string(url));
  if (!target) return fail(std::move(target.error()));
  UpstreamSettings worker{.target = *std::move(target), .role = Role::aggregated, .bootstrap_port = {}};
  std::string_view type = "regular";
  simdjson::dom::element given;
  if (root["worker_type"].get(given) == simdjson::SUCCESS && !given.is_null() && given.get(type) != simdjson::SUCCESS)
    type = "";
  if (type == "prefill") worker.role = Role::prefill;
  if (type == "decode") worker.role = Role::decode;
  if (type != type_of(worker.role)) return fail("worker_type: expected regular, prefill or decode");
  if ((worker.role != Role::aggregated) != disaggregated) {
    return fail(disaggregated ? "worker_type: expected prefill or decode" : "worker_type: expected regular");
  }
  std::int64_t port = 0;
  if (root["bootstrap_port"].get(given) == simdjson::SUCCESS && !given.is_null()) {
    if (given.get(port) != simdjson::SUCCESS || port < 1 || port > 65535)
      return fail("bootstrap_port: expected a port from 1 to 65535");
    worker.bootstrap_port = static_cast<int>(port);
  }
  return worker;
}

}  // namespace infbench::live
