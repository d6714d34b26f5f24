// RequestWriter: the bytes of a request, made when it is sent: head, JSON before the prompt, the prompt's blocks, JSON after
// it, as a list of parts for one gathered write. BlockTexts: the texts of blocks, kept while they are used, within a bound.
//
// Nothing is generated ahead of its time: a prompt is its blocks' texts, one after the other, and equal blocks of many prompts
// are one text in memory. A literal prompt is the trace's own text. Both of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "net/text_tokens.h"
#include "trace/trace.h"

namespace infbench::live {

class BlockTexts {
 public:
  enum class Form : std::uint8_t { words, token_ids };

  // `words` must outlive this.
  BlockTexts(const net::WordList& words, std::uint64_t seed, Form form, std::size_t most_bytes);

  // The text of the first `tokens` tokens of a block; valid until trim().
  std::string_view text(std::uint64_t hash_id, Tokens tokens);
  // Lets go of what was used longest ago until the bound holds again.
  void trim();
  std::size_t bytes() const { return bytes_; }

 private:
  struct Key {
    std::uint64_t hash_id = 0;
    Tokens tokens = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return mix64(key.hash_id ^ static_cast<std::uint64_t>(key.tokens) << 48U);
    }
    static std::size_t mix64(std::uint64_t x) { return (x ^ x >> 31U) * 0x9e3779b97f4a7c15ULL; }
  };
  struct Entry {
    Key key;
    std::string text;
  };
  void append(std::uint64_t hash_id, Tokens tokens, std::string& out) const;

  const net::WordList& words_;
  std::uint64_t seed_;
  Form form_;
  std::size_t most_bytes_;
  std::size_t bytes_ = 0;
  std::list<Entry> entries_;  // latest used first
  std::unordered_map<Key, std::list<Entry>::iterator, KeyHash> places_;
};

enum class Endpoint : std::uint8_t { chat, completions };

// A member that goes into each body as it is. It takes the place of one that we would have written under that name.
struct ExtraInput {
  std::string name;
  std::string json;  // of its value
};

struct RequestOptions {
  Endpoint endpoint = Endpoint::chat;
  std::string model = {};
  bool streaming = true;
  bool legacy_max_tokens = false;  // max_tokens also for chat
  bool ask_output = true;          // tell how long the answer is to be
  bool ignore_eos = true;          // of requests that say how long the answer is to be
  bool token_ids = false;          // completions only
  std::vector<ExtraInput> extra = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string correlation = "fixed-schedule-";  // before the session's name in X-Correlation-ID
  std::uint64_t id_seed = 0;                    // of X-Request-ID, as the artifacts have it
};

// Where a request goes.
struct Target {
  std::string host;
  int port = 80;
  std::string path;  // before /v1/...; empty or "/prefix"
  std::string url;   // as given

  std::string authority() const;  // "host:port", "[::1]:port"
};

class RequestWriter {
 public:
  // All must outlive this.
  RequestWriter(const RequestOptions& options, BlockTexts& blocks, const trace::Trace& trace);

  // Earlier turns of the session, with the answers that came, as JSON text without quotes.
  struct EarlierTurn {
    trace::RequestIndex request;
    std::string_view answer;
  };
  // The parts, valid until the next call.
  std::span<const std::string_view> write(trace::RequestIndex request, const Target& target,
                                          std::span<const EarlierTurn> earlier);

  // What is to come back, by the body that write() makes.
  struct Expected {
    bool streaming = true;
    bool full_length = false;  // the answer is to have exactly the length asked for
    Tokens output_asked = 0;   // 0: none
  };
  Expected expected(trace::RequestIndex request) const;

  // Makes the blocks of a request ready, so that write() finds them.
  void warm(trace::RequestIndex request);

 private:
  void add_prompt(trace::RequestIndex request);
  void add_conversation(trace::RequestIndex request, std::span<const EarlierTurn> earlier);
  void make_fixed_parts();
  void make_head(trace::RequestIndex request, const Target& target, bool streaming, std::size_t body_bytes);
  void make_tail(const trace::Body& body, const Expected& expected);
  void add_member(std::string_view name, std::string_view json, const trace::Body& body);
  void add_stream_options(std::string_view given);
  std::optional<std::string_view> given(std::string_view name, const trace::Body& body) const;

  const RequestOptions& options_;
  BlockTexts& blocks_;
  const trace::Trace& trace_;
  std::string_view before_;  // of the body: up to the first prompt
  std::string_view after_;   // right behind the last prompt
  std::string model_;        // in JSON
  std::string head_headers_;
  std::string head_;
  std::string tail_;  // of this body: from the prompt's end on
  std::vector<std::string_view> parts_;
};

}  // namespace infbench::live
