// profile_export_raw.jsonl: see export_aiperf.h.
#include <algorithm>
#include <array>

#include "base/json_writer.h"
#include "base/utf8.h"
#include "measure/export_aiperf.h"

namespace infbench::measure {
namespace {

constexpr std::string_view kEndOfLine = "\r\n";
constexpr std::string_view kEndOfHead = "\r\n\r\n";

bool is_secret(std::string_view header) {
  constexpr std::array<std::string_view, 6> kParts = {"auth", "cookie", "key", "token", "secret", "password"};
  const std::string name = lower_case(header);
  return std::any_of(kParts.begin(), kParts.end(), [&](std::string_view part) { return name.find(part) != std::string::npos; });
}

// The head's lines after the first, as one object.
void write_headers(JsonWriter& json, std::string_view head) {
  json.key("request_headers");
  json.begin_object();
  for (std::size_t at = head.find(kEndOfLine); at != std::string_view::npos;) {
    head.remove_prefix(at + kEndOfLine.size());
    at = head.find(kEndOfLine);
    const std::string_view line = head.substr(0, at);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    const std::string_view name = line.substr(0, colon);
    json.member(name, is_secret(name) ? std::string_view("<redacted>") : line.substr(colon + 2));
  }
  json.end_object();
}

void write_response(JsonWriter& json, const RawExchange& raw, const RawExchange::Response& response) {
  json.begin_object();
  json.member("perf_ns", response.received.ns);
  if (raw.is_stream) {
    json.key("packets");
    json.begin_array();
    json.begin_object();
    json.member("name", "data");
    json.member("value", response.text);
    json.end_object();
    json.end_array();
  } else {
    json.member("text", response.text);
    if (!raw.content_type.empty()) json.member("content_type", raw.content_type);
  }
  json.end_object();
}

}  // namespace

void RecordLines::append_raw(const LiveRecord& live, std::string& out) const {
  out += '{';
  append_metadata(live.record, &live, out);
  out += ',';
  std::string members;
  JsonWriter json(members);
  json.begin_object();
  json.member("start_perf_ns", live.record.sent.ns);
  const std::string_view request = live.raw != nullptr ? std::string_view(live.raw->request) : std::string_view{};
  const std::size_t end = request.find(kEndOfHead);
  if (end != std::string_view::npos) write_headers(json, request.substr(0, end));
  if (live.raw != nullptr && live.raw->status != 0) json.member("status", live.raw->status);
  json.key("responses");
  json.begin_array();
  if (live.raw != nullptr) {
    for (const RawExchange::Response& response : live.raw->responses) write_response(json, *live.raw, response);
  }
  json.end_array();
  if (end != std::string_view::npos) {
    json.key("payload");
    json.raw(request.substr(end + kEndOfHead.size()));
  }
  if (!succeeded(live.record)) {
    std::string error;
    append_error(live.record, &live, error);
    json.key("error");
    json.raw(error);
  }
  json.end_object();
  out.append(members, 1);  // without its brace: they go on in the object that the metadata began
  out += '\n';
}

}  // namespace infbench::measure
