#include "live/replay_body.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/check.h"
#include "base/json_writer.h"
#include "base/random.h"
#include "measure/export_aiperf.h"

namespace infbench::live {
namespace {

constexpr std::string_view kNextTurn = R"("},{"role":"user","content":")";
constexpr std::string_view kAnswer = R"("},{"role":"assistant","content":")";

// Token ids that every vocabulary in use has as plain text: above the bytes and marks at its start, below 30,000.
constexpr std::uint64_t kFirstId = 1000;
constexpr std::uint64_t kIds = 29000;

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

bool RequestWriter::has_extra(std::string_view name) const {
  return std::any_of(options_.extra.begin(), options_.extra.end(), [name](const ExtraInput& e) { return e.name == name; });
}

// Members in the order in which aiperf writes them.
void RequestWriter::make_fixed_parts() {
  const bool chat = options_.endpoint == Endpoint::chat;
  before_ = chat ? R"({"messages":[{"role":"user","content":")" : options_.token_ids ? R"({"prompt":[)" : R"({"prompt":")";
  after_ = chat ? R"("}])" : options_.token_ids ? "]" : "\"";
  const auto add = [this](std::string& out, std::string_view name, std::string_view json) {
    if (has_extra(name)) return;
    out.append(",\"").append(name).append("\":").append(json);
  };
  std::string model;
  append_json(model, std::string_view(options_.model));
  add(after_, "model", model);
  add(after_, "stream", options_.streaming ? "true" : "false");
  const std::string_view most = chat && !options_.legacy_max_tokens ? "max_completion_tokens" : "max_tokens";
  if (options_.ask_output && !has_extra(most)) {
    after_.append(",\"").append(most).append("\":");  // and the number
  }
  if (options_.ignore_eos) add(rest_, "ignore_eos", "true");
  for (const ExtraInput& extra : options_.extra) {
    rest_ += ',';
    append_json(rest_, std::string_view(extra.name));
    rest_.append(":").append(extra.json);
  }
  if (options_.streaming) add(rest_, "stream_options", R"({"include_usage":true})");
  rest_ += '}';
  head_headers_ = "User-Agent: infbench\r\nContent-Type: application/json\r\nAccept: ";
  head_headers_ += options_.streaming ? "text/event-stream\r\n" : "application/json\r\n";
  for (const auto& [name, value] : options_.headers) head_headers_.append(name).append(": ").append(value).append("\r\n");
}

void RequestWriter::add_prompt(trace::RequestIndex index) {
  const trace::Request request = trace_.request(index);
  Tokens left = request.new_input;
  for (const trace::BlockNumber block : request.blocks) {
    const Tokens tokens = std::min(left, trace::kBlockTokens);
    parts_.push_back(blocks_.text(trace_.block_id(block), tokens));
    left -= tokens;
  }
  if (options_.token_ids) parts_.back().remove_suffix(1);  // the last comma
}

void RequestWriter::warm(trace::RequestIndex index) {
  parts_.clear();
  add_prompt(index);
  parts_.clear();
  blocks_.trim();
}

std::span<const std::string_view> RequestWriter::write(trace::RequestIndex request, const Target& target,
                                                       std::span<const EarlierTurn> earlier) {
  blocks_.trim();
  parts_.clear();
  parts_.emplace_back();  // the head
  parts_.push_back(before_);
  for (const EarlierTurn& turn : earlier) {
    add_prompt(turn.request);
    parts_.push_back(kAnswer);
    parts_.push_back(turn.answer);
    parts_.push_back(kNextTurn);
  }
  add_prompt(request);
  tail_ = after_;
  if (after_.ends_with("tokens\":")) append_json(tail_, std::int64_t{trace_.request(request).output});
  tail_ += rest_;
  parts_.push_back(tail_);
  std::size_t bytes = 0;
  for (const std::string_view part : parts_) bytes += part.size();
  make_head(request, target, bytes);
  parts_.front() = head_;
  return parts_;
}

void RequestWriter::make_head(trace::RequestIndex request, const Target& target, std::size_t body_bytes) {
  head_.clear();
  auto out = std::back_inserter(head_);
  const bool v6 = target.host.find(':') != std::string::npos;
  fmt::format_to(out, "POST {}{} HTTP/1.1\r\nHost: {}{}{}:{}\r\n", target.path, path_of(options_.endpoint), v6 ? "[" : "",
                 target.host, v6 ? "]" : "", target.port);
  head_ += head_headers_;
  head_ += "X-Request-ID: ";
  measure::append_request_id(head_, options_.id_seed, request);
  fmt::format_to(out, "\r\nX-Correlation-ID: {}session_{:06}\r\nContent-Length: {}\r\n\r\n", options_.correlation,
                 request.value, body_bytes);
}

}  // namespace infbench::live
