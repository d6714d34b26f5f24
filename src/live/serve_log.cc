#include "live/serve_log.h"

#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "live/step_times_json.h"

namespace infbench::live {
namespace {

void number_member(std::string& out, std::string_view name, std::int64_t value) {
  out += ",\"";
  out += name;
  out += "\":";
  append_json(out, value);
}

// Unsigned, since hashes use all 64 bits.
void append_unsigned(std::string& out, std::uint64_t value) {
  JsonWriter json(out);
  json.value(value);
}

void begin_line(std::string& out, std::string_view type, std::uint32_t worker) {
  out += "{\"type\":\"";
  out += type;
  out += "\",\"worker\":";
  append_json(out, static_cast<std::int64_t>(worker));
}

void request_member(std::string& out, RequestId id) {
  out += ",\"request\":";
  append_unsigned(out, id.value);
}

std::string_view name_of_stage(Stage stage) {
  switch (stage) {
    case Stage::whole: return "whole";
    case Stage::prefill: return "prefill";
    case Stage::decode: return "decode";
  }
  return "?";
}

std::string_view name_of_input(ServeLog::Input input) {
  switch (input) {
    case ServeLog::Input::room_ready: return "room_ready";
    case ServeLog::Input::kv_arrived: return "kv_arrived";
    case ServeLog::Input::kv_sent: return "kv_sent";
    case ServeLog::Input::cancel: return "cancel";
    case ServeLog::Input::flush: return "flush";
  }
  return "?";
}

}  // namespace

// ---- What the engine tells

void EngineLines::begin(std::string_view type, RequestId id, Time at) {
  end_run();
  begin_line(out_, type, worker_);
  request_member(out_, id);
  number_member(out_, "at", at.ns);
}

void EngineLines::kv_reserved(RequestId id, Time at) {
  begin("kv_reserved", id, at);
  out_ += "}\n";
}

void EngineLines::kv_ready(RequestId id, Tokens from, Tokens to, bool last, Time at) {
  begin("kv_ready", id, at);
  number_member(out_, "from", from);
  number_member(out_, "to", to);
  out_ += last ? ",\"last\":true}\n" : ",\"last\":false}\n";
}

void EngineLines::first_token(RequestId id, Tokens cached, Time at) {
  begin("first_token", id, at);
  number_member(out_, "cached", cached);
  out_ += "}\n";
}

void EngineLines::decoded(const engine::DecodeRun& run) {
  if (steps_ > 0 && std::equal(requests_.begin(), requests_.end(), run.requests.begin(), run.requests.end())) {
    steps_ += run.steps;
    last_end_ = run.last_end;
    return;
  }
  end_run();
  requests_.assign(run.requests.begin(), run.requests.end());
  steps_ = run.steps;
  first_end_ = run.first_end;
  last_end_ = run.last_end;
}

void EngineLines::end_run() {
  if (steps_ == 0) return;
  begin_line(out_, "decode", worker_);
  number_member(out_, "steps", steps_);
  number_member(out_, "first_end", first_end_.ns);
  number_member(out_, "last_end", last_end_.ns);
  out_ += ",\"requests\":[";
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (i > 0) out_ += ',';
    append_unsigned(out_, requests_[i].value);
  }
  out_ += "]}\n";
  steps_ = 0;
}

void EngineLines::finished(RequestId id, Time at) {
  begin("finished", id, at);
  out_ += "}\n";
}

void EngineLines::refused(RequestId id, engine::Refusal why, Time at) {
  begin("refused", id, at);
  out_ += why == engine::Refusal::above_context_length ? ",\"why\":\"above_context_length\"}\n"
                                                       : ",\"why\":\"above_kv_capacity\"}\n";
}

// ---- Settings, inputs, answers

ServeLog::ServeLog(const LoggedWorker& worker) : worker_(worker.worker), events_(worker.worker, text_) {
  JsonWriter json(text_);
  json.begin_object();
  json.member("type", "worker");
  json.member("worker", worker.worker);
  json.member("role", name_of(worker.config.role));
  json.member("kv_capacity", worker.config.kv_capacity);
  json.member("page", worker.config.page);
  json.member("chunk", worker.config.chunk);
  json.member("context_length", worker.config.context_length);
  json.member("start_epoch_ns", worker.start_epoch_ns);
  json.member("time_scale", worker.time_scale);
  json.member("instant", worker.instant);
  json.key("step_times");
  write_step_times(json, worker.step_times);
  json.end_object();
  text_ += '\n';
}

void ServeLog::submit(const engine::EngineRequest& request, Time stamp) {
  begin_line(text_, "submit", worker_);
  request_member(text_, request.id);
  number_member(text_, "at", stamp.ns);
  text_ += ",\"stage\":\"";
  text_ += name_of_stage(request.stage);
  text_ += '"';
  number_member(text_, "input", request.input);
  number_member(text_, "output", request.output);
  text_ += ",\"pages\":[";
  for (std::size_t i = 0; i < request.pages.size(); ++i) {
    if (i > 0) text_ += ',';
    append_unsigned(text_, request.pages[i].value);
  }
  text_ += "]}\n";
}

void ServeLog::input(Input what, RequestId id, Time stamp) {
  begin_line(text_, name_of_input(what), worker_);
  request_member(text_, id);
  number_member(text_, "at", stamp.ns);
  text_ += "}\n";
}

void ServeLog::answer(const Answer& answer) {
  begin_line(text_, "answer", worker_);
  request_member(text_, answer.request);
  text_ += ",\"x_request_id\":";
  append_json(text_, answer.x_request_id);
  text_ += ",\"outcome\":";
  append_json(text_, answer.outcome);
  number_member(text_, "received_epoch_ns", answer.received_epoch_ns);
  number_member(text_, "cached", answer.cached);
  text_ += ",\"due\":[";  // the first, then each as the distance from the one before
  Time previous;
  for (std::size_t i = 0; i < answer.due.size(); ++i) {
    if (i > 0) text_ += ',';
    append_json(text_, (answer.due[i] - previous).ns);
    previous = answer.due[i];
  }
  text_ += "],\"sent_late_ns\":[";
  for (std::size_t i = 0; i < answer.sent_late_ns.size(); ++i) {
    if (i > 0) text_ += ',';
    append_json(text_, answer.sent_late_ns[i]);
  }
  text_ += "]}\n";
}

}  // namespace infbench::live
