#include "live/gateway_log.h"

#include <optional>
#include <utility>

#include "base/json_writer.h"
#include "live/gateway_log_fields.h"
#include "live/step_times_json.h"

namespace infbench::live {
namespace {

// Unsigned, since hashes use all 64 bits.
void append_unsigned(std::string& out, std::uint64_t value) {
  JsonWriter json(out);
  json.value(value);
}

template <class Value>
void write_setting(JsonWriter& json, const char* name, const Value& value) {
  if constexpr (std::is_same_v<Value, Duration>) {
    json.member(name, value.ns);
  } else if constexpr (std::is_same_v<Value, std::string>) {
    json.member(name, std::string_view(value));
  } else if constexpr (std::is_enum_v<Value>) {
    json.member(name, static_cast<int>(value));
  } else {
    json.member(name, value);
  }
}

}  // namespace

std::string_view name_of(Part part) {
  switch (part) {
    case Part::whole: return "whole";
    case Part::prefill: return "prefill";
    case Part::decode: return "decode";
  }
  return "?";
}

std::string_view name_of(KvChange change) {
  switch (change) {
    case KvChange::stored: return "kv_stored";
    case KvChange::removed: return "kv_removed";
    case KvChange::cleared: return "kv_cleared";
    case KvChange::lost: return "kv_lost";
  }
  return "?";
}

// ---- Lines

void GatewayLog::begin(std::string_view type, Time now) {
  text_ += "{\"type\":\"";
  text_ += type;
  text_ += '"';
  member("at", now.ns);
}

void GatewayLog::member(std::string_view name, std::int64_t value) {
  text_ += ",\"";
  text_ += name;
  text_ += "\":";
  append_json(text_, value);
}

void GatewayLog::member(std::string_view name, std::string_view value) {
  text_ += ",\"";
  text_ += name;
  text_ += "\":";
  append_json(text_, value);
}

void GatewayLog::members(CallId call, Part part) {
  member("request", static_cast<std::int64_t>(call));
  member("part", name_of(part));
}

void GatewayLog::pages(std::span<const PageHash> pages) {
  text_ += ",\"pages\":[";
  for (std::size_t i = 0; i < pages.size(); ++i) {
    if (i > 0) text_ += ',';
    append_unsigned(text_, pages[i].value);
  }
  text_ += ']';
}

GatewayLog::GatewayLog(const GatewaySettings& settings, Time now, std::int64_t epoch_ns) {
  JsonWriter json(text_);
  json.begin_object();
  json.member("type", "gateway");
  json.member("at", now.ns);
  json.member("epoch_ns", epoch_ns);
  for_each_logged_setting(settings, [&](const char* name, const auto& value) { write_setting(json, name, value); });
  json.end_object();
  text_ += '\n';
}

void GatewayLog::worker_added(WorkerId worker, const UpstreamSettings& settings, Time now) {
  begin("worker_added", now);
  member("worker", std::int64_t{worker.value});
  member("url", std::string_view(settings.target.url));
  member("role", infbench::name_of(settings.role));
  member("kv_capacity", settings.kv_capacity);
  text_ += ",\"step_times\":";
  JsonWriter json(text_);
  if (settings.speed != nullptr) {
    write_step_times(json, settings.speed->coefficients());
  } else {
    json.null();
  }
  end();
}

void GatewayLog::worker_removed(WorkerId worker, Time now) {
  begin("worker_removed", now);
  member("worker", std::int64_t{worker.value});
  end();
}

void GatewayLog::arrived(CallId call, const PromptInfo& prompt, std::string_view key, Time now) {
  begin("arrived", now);
  member("request", static_cast<std::int64_t>(call));
  member("input", prompt.input);
  member("output_max", prompt.output_max);
  member("chars", static_cast<std::int64_t>(prompt.chars));
  text_ += prompt.streamed ? ",\"streamed\":true" : ",\"streamed\":false";
  member("key", key);
  member("page_tokens", prompt.page_tokens);
  text_ += prompt.told_pages ? ",\"told_pages\":true" : ",\"told_pages\":false";
  pages(prompt.pages);
  end();
}

void GatewayLog::left(CallId call, Time now) {
  begin("left", now);
  member("request", static_cast<std::int64_t>(call));
  end();
}

void GatewayLog::answered(CallId call, Part part, int status, Time now) {
  begin("answered", now);
  members(call, part);
  member("status", status);
  end();
}

void GatewayLog::input(PartInput what, CallId call, Part part, Time now) {
  begin(what == PartInput::first_bytes ? "first_bytes" : what == PartInput::ended ? "ended" : "broke", now);
  members(call, part);
  end();
}

void GatewayLog::health_asked(std::span<const WorkerId> workers, Time now) {
  begin("health_asked", now);
  text_ += ",\"workers\":[";
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (i > 0) text_ += ',';
    append_unsigned(text_, workers[i].value);
  }
  text_ += ']';
  end();
}

void GatewayLog::health(WorkerId worker, bool ok, Time now) {
  begin("health", now);
  member("worker", std::int64_t{worker.value});
  text_ += ok ? ",\"ok\":true" : ",\"ok\":false";
  end();
}

void GatewayLog::kv(WorkerId worker, KvChange change, std::span<const PageHash> changed, Time now) {
  begin(name_of(change), now);
  member("worker", std::int64_t{worker.value});
  pages(changed);
  end();
}

void GatewayLog::advance(Time now) {
  begin("advance", now);
  end();
}

void GatewayLog::candidate(const route::WorkerView& view) {
  std::swap(text_, candidates_);
  text_ += text_.empty() ? "{\"worker\":" : ",{\"worker\":";
  append_json(text_, std::int64_t{view.id.value});
  member("waiting", view.waiting);
  member("running", view.running);
  member("uncomputed", view.uncomputed);
  member("kv_used", view.kv_used);
  text_ += ",\"scale\":";
  append_json(text_, view.scale);
  text_ += '}';
  std::swap(text_, candidates_);
}

void GatewayLog::choice(const GatewayChoice& choice, Time now) {
  begin("choice", now);
  member("request", static_cast<std::int64_t>(choice.call));
  member("attempt", choice.attempt);
  member("worker", std::int64_t{choice.route.pick.worker.value});
  member("reason", route::name_of(choice.route.pick.why));
  member("cached", choice.route.pick.cached);
  if (choice.route.decode) {
    member("decode_worker", std::int64_t{choice.route.decode->worker.value});
    member("decode_reason", route::name_of(choice.route.decode->why));
  }
  text_ += ",\"candidates\":[";
  text_ += candidates_;
  text_ += ']';
  candidates_.clear();
  end();
}

void GatewayLog::held(CallId call, Time now) {
  candidates_.clear();
  begin("held", now);
  member("request", static_cast<std::int64_t>(call));
  end();
}

void GatewayLog::retried(CallId call, WorkerId failed, Duration backoff, Time now) {
  begin("retried", now);
  member("request", static_cast<std::int64_t>(call));
  member("worker", std::int64_t{failed.value});
  member("backoff_ns", backoff.ns);
  end();
}

void GatewayLog::refused(CallId call, int status, std::string_view code, Time now) {
  candidates_.clear();
  begin("refused", now);
  member("request", static_cast<std::int64_t>(call));
  member("status", status);
  member("code", code);
  end();
}

void GatewayLog::over(CallId call, bool cut, Time now) {
  begin(cut ? "cut" : "over", now);
  member("request", static_cast<std::int64_t>(call));
  end();
}

// ---- The file

Result<DecisionFile> DecisionFile::open(const std::string& path) {
  auto file = AppendFile::open(path, AppendFile::Older::kept);
  if (!file) return fail("cannot write the decision log '" + path + "': " + file.error().front().what);
  return DecisionFile(*std::move(file));
}

void DecisionFile::write(std::string_view lines) {
  if (!problem_.empty()) return;
  file_.write(lines);
  if (!file_.problem().empty()) problem_ = "the decision log '" + file_.path() + "' ends here: " + file_.problem();
}

}  // namespace infbench::live
