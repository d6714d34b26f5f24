#include "live/replay_body.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/number.h"
#include "base/random.h"
#include "measure/export_aiperf.h"
#include "trace/json_cursor.h"

namespace infbench::live {
namespace {

constexpr std::string_view kNextTurn = R"("},{"role":"user","content":")";
constexpr std::string_view kMessages = R"({"messages":)";
constexpr std::string_view kAnswer = R"("},{"role":"assistant","content":")";

// Token ids that every vocabulary in use has as plain text: above the bytes and marks at its start, below 30,000.
constexpr std::uint64_t kFirstId = 1000;
constexpr std::uint64_t kIds = 29000;

// Calls `visit` with name (without quotes) and value of each member of a JSON object, which was checked when it was read, or of
// nothing; until it returns false.
template <typename Visit>
void for_each_member(std::string_view object, Visit visit) {
  trace::JsonCursor cursor(object);
  if (!cursor.take('{') || cursor.take('}')) return;
  do {
    cursor.skip_space();
    const auto name = cursor.value();
    if (!name || !cursor.take(':')) return;
    const auto value = cursor.value();
    if (!value || !visit(name->text.substr(1, name->text.size() - 2), value->text)) return;
  } while (cursor.take(','));
}

std::optional<std::string_view> member_of(std::string_view object, std::string_view name) {
  std::optional<std::string_view> found;
  for_each_member(object, [&](std::string_view each, std::string_view json) {
    if (each == name) found = json;
    return !found;
  });
  return found;
}

std::string_view path_of(Endpoint endpoint) { return endpoint == Endpoint::chat ? "/v1/chat/completions" : "/v1/completions"; }

}  // namespace

BlockTexts::BlockTexts(const net::WordList& words, std::uint64_t seed, Form form, std::size_t most_bytes)
    : words_(words), seed_(seed), form_(form), most_bytes_(most_bytes) {}

std::string_view BlockTexts::text(std::uint64_t hash_id, Tokens tokens) {
  const Key key{hash_id, tokens};
  if (const auto found = places_.find(key); found != places_.end()) {
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->text;
  }
  Entry& entry = entries_.emplace_front(Entry{key, {}});
  append(hash_id, tokens, entry.text);
  places_.emplace(key, entries_.begin());
  bytes_ += entry.text.capacity() + sizeof(Entry) + 64;
  return entry.text;
}

void BlockTexts::append(std::uint64_t hash_id, Tokens tokens, std::string& out) const {
  if (form_ == Form::words) {
    out.reserve(static_cast<std::size_t>(tokens) * 7);
    net::append_block_text(words_, hash_id, seed_, tokens, out);
    return;
  }
  out.reserve(static_cast<std::size_t>(tokens) * 6);
  Random random(mix64(seed_ ^ mix64(hash_id)));
  for (Tokens i = 0; i < tokens; ++i) {
    const fmt::format_int digits(kFirstId + random.below(kIds));
    out.append(digits.data(), digits.size());
    out += ',';
  }
}

void BlockTexts::trim() {
  while (bytes_ > most_bytes_ && !entries_.empty()) {
    const Entry& oldest = entries_.back();
    bytes_ -= oldest.text.capacity() + sizeof(Entry) + 64;
    places_.erase(oldest.key);
    entries_.pop_back();
  }
}

RequestWriter::RequestWriter(const RequestOptions& options, BlockTexts& blocks, const trace::Trace& trace)
    : options_(options), blocks_(blocks), trace_(trace) {
  INFBENCH_CHECK(!options.token_ids || options.endpoint == Endpoint::completions);
  make_fixed_parts();
}

void RequestWriter::make_fixed_parts() {
  const bool chat = options_.endpoint == Endpoint::chat;
  before_ = chat ? R"({"messages":[{"role":"user","content":")" : options_.token_ids ? R"({"prompt":[)" : R"({"prompt":")";
  after_ = chat ? R"("}])" : options_.token_ids ? "]" : "\"";
  append_json(model_, std::string_view(options_.model));
  head_headers_ = "User-Agent: infbench\r\nContent-Type: application/json\r\n";
  for (const auto& [name, value] : options_.headers) head_headers_.append(name).append(": ").append(value).append("\r\n");
}

// What is said from outside for a member of the body: by the row's `extra`, else by the extra inputs.
std::optional<std::string_view> RequestWriter::given(std::string_view name, const trace::Body& body) const {
  if (const auto own = member_of(body.extra, name)) return own;
  for (const ExtraInput& extra : options_.extra) {
    if (extra.name == name) return extra.json;
  }
  return std::nullopt;
}

RequestWriter::Expected RequestWriter::expected(trace::RequestIndex index) const {
  const trace::Body body = trace_.body(index);
  const Tokens output = body.output_known ? trace_.request(index).output : 0;
  if (body.kind == trace::PromptKind::payload) {
    return {.streaming = body.streams, .full_length = body.ignores_eos && output > 0, .output_asked = output};
  }
  Expected expected{.streaming = options_.streaming, .full_length = false, .output_asked = options_.ask_output ? output : 0};
  for (const std::string_view most : {"max_tokens", "max_completion_tokens"}) {
    if (const auto tokens = given(most, body)) expected.output_asked = number_in<Tokens>(*tokens).value_or(0);
  }
  if (const auto stream = given("stream", body)) expected.streaming = *stream == "true";
  const auto ignore_eos = given("ignore_eos", body);
  expected.full_length = expected.output_asked > 0 && (ignore_eos ? *ignore_eos == "true" : options_.ignore_eos);
  return expected;
}

void RequestWriter::add_member(std::string_view name, std::string_view json, const trace::Body& body) {
  if (!given(name, body)) tail_.append(",\"").append(name).append("\":").append(json);
}

// Members in the order in which aiperf writes them; one that is given from outside takes the place of ours.
void RequestWriter::make_tail(const trace::Body& body, const Expected& expected) {
  add_member("model", model_, body);
  add_member("stream", options_.streaming ? "true" : "false", body);
  if (!body.tools.empty()) add_member("tools", body.tools, body);
  if (expected.output_asked > 0) {
    const bool chat = options_.endpoint == Endpoint::chat;
    const fmt::format_int digits(expected.output_asked);
    add_member(chat && !options_.legacy_max_tokens ? "max_completion_tokens" : "max_tokens", {digits.data(), digits.size()},
               body);
    if (options_.ignore_eos) add_member("ignore_eos", "true", body);
  }
  for (const ExtraInput& extra : options_.extra) {
    if (extra.name == "stream_options" || member_of(body.extra, extra.name)) continue;
    tail_ += ',';
    append_json(tail_, std::string_view(extra.name));
    tail_.append(":").append(extra.json);
  }
  for_each_member(body.extra, [this](std::string_view name, std::string_view json) {
    if (name != "stream_options") tail_.append(",\"").append(name).append("\":").append(json);
    return true;
  });
  if (const auto options = given("stream_options", body); expected.streaming) {
    add_stream_options(options.value_or("null"));
  } else if (options) {
    tail_.append(",\"stream_options\":").append(*options);
  }
  tail_ += '}';
}

// Those of a stream ask for the usage, unless they say that they do not.
void RequestWriter::add_stream_options(std::string_view given) {
  tail_ += ",\"stream_options\":";
  if (given == "null" || given.find_first_not_of("{} \t\r\n") == std::string_view::npos) {
    tail_ += R"({"include_usage":true})";
  } else if (!given.starts_with('{') || member_of(given, "include_usage")) {
    tail_ += given;
  } else {
    tail_.append(given.substr(0, given.rfind('}'))).append(R"(,"include_usage":true})");
  }
}

void RequestWriter::add_prompt(trace::RequestIndex index) {
  const trace::Request request = trace_.request(index);
  if (request.prompt == trace::PromptKind::text_input) {
    trace_.append_literal(index, parts_);
    parts_.back() = parts_.back().substr(1, parts_.back().size() - 2);  // the quotes are in before_ and after_
    return;
  }
  Tokens left = request.new_input;
  for (const trace::BlockNumber block : request.blocks) {
    const Tokens tokens = std::min(left, trace::kBlockTokens);
    parts_.push_back(blocks_.text(trace_.block_id(block), tokens));
    left -= tokens;
  }
  if (options_.token_ids) parts_.back().remove_suffix(1);  // the last comma
}

void RequestWriter::warm(trace::RequestIndex index) {
  if (trace_.request(index).prompt != trace::PromptKind::blocks) return;
  parts_.clear();
  add_prompt(index);
  parts_.clear();
  blocks_.trim();
}

std::span<const std::string_view> RequestWriter::write(trace::RequestIndex request, const Target& target,
                                                       std::span<const EarlierTurn> earlier) {
  blocks_.trim();
  const trace::Body body = trace_.body(request);
  const Expected expect = expected(request);
  parts_.clear();
  parts_.emplace_back();  // the head
  tail_.clear();
  if (body.kind == trace::PromptKind::payload) {
    trace_.append_literal(request, parts_);
  } else if (body.kind == trace::PromptKind::messages) {
    parts_.push_back(kMessages);
    trace_.append_literal(request, parts_);
    make_tail(body, expect);
  } else {
    add_conversation(request, earlier);
    tail_ = after_;
    make_tail(body, expect);
  }
  parts_.push_back(tail_);
  std::size_t bytes = 0;
  for (const std::string_view part : parts_) bytes += part.size();
  make_head(request, target, expect.streaming, bytes);
  parts_.front() = head_;
  return parts_;
}

// Up to the end of the last prompt.
void RequestWriter::add_conversation(trace::RequestIndex request, std::span<const EarlierTurn> earlier) {
  parts_.push_back(before_);
  for (const EarlierTurn& turn : earlier) {
    add_prompt(turn.request);
    parts_.push_back(kAnswer);
    parts_.push_back(turn.answer);
    parts_.push_back(kNextTurn);
  }
  add_prompt(request);
}

std::string Target::authority() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

void RequestWriter::make_head(trace::RequestIndex request, const Target& target, bool streaming, std::size_t body_bytes) {
  head_.clear();
  auto out = std::back_inserter(head_);
  fmt::format_to(out, "POST {}{} HTTP/1.1\r\nHost: {}\r\n", target.path, path_of(options_.endpoint), target.authority());
  head_ += head_headers_;
  head_ += streaming ? "Accept: text/event-stream\r\n" : "Accept: application/json\r\n";
  head_ += "X-Request-ID: ";
  measure::append_request_id(head_, options_.id_seed, request);
  fmt::format_to(out, "\r\nX-Correlation-ID: {}session_{:06}\r\nContent-Length: {}\r\n\r\n", options_.correlation,
                 request.value, body_bytes);
}

}  // namespace infbench::live
