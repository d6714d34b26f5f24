// ChunkReader: the JSON of one event of an OpenAI stream (chat or completions) to the little that a load generator must know of
// it: did it carry text, did it end the answer, what did the server count, was it an error.
//
// Two ways. A general one parses the JSON whole (simdjson). From a chunk that carried nothing but text it learns the bytes
// before and after that text; a later chunk of the same stream with the same bytes around its text needs no parsing, only two
// comparisons. That is safe whatever the server writes: equal bytes around a well-formed string mean an equal structure.
// Nothing is allocated per chunk. JsonParser: one per thread; StreamReader: one per stream, of that thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/types.h"

namespace infbench::live {

struct Usage {
  Tokens prompt = -1;  // -1: not said
  Tokens completion = -1;
  Tokens total = -1;
  Tokens cached = -1;
};

struct Chunk {
  enum class Kind : std::uint8_t { nothing, text, done, error, broken };
  Kind kind = Kind::nothing;
  bool reasoning = false;  // of a text: reasoning or part of a tool call, which a next turn does not repeat
  bool finished = false;   // had a finish_reason; also a text chunk may
  bool has_usage = false;
  std::string_view text;  // of a text: as it stands in the JSON, without quotes, still escaped; a view into the data
  Usage usage;
};

// What an error object or another message from a server says.
struct ServerError {
  int code = 0;  // 0: none given
  std::string message;
};

class JsonParser {
 public:
  JsonParser();
  ~JsonParser();
  JsonParser(const JsonParser&) = delete;
  JsonParser& operator=(const JsonParser&) = delete;

  // `data` is one JSON document: a chunk of a stream or (the same but for `message` instead of `delta`) a whole answer.
  // Of an error, `error` says what.
  Chunk read(std::string_view data, ServerError& error);

  // A text as Chunk has it, without its escapes.
  std::string unescaped(std::string_view text);

  // The message in the body of an HTTP error: that of its error object, else the text, cut to a line.
  ServerError read_error_body(std::string_view body);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class StreamReader {
 public:
  explicit StreamReader(JsonParser& parser) : parser_(&parser) {}

  Chunk read(std::string_view data);
  const ServerError& error() const { return error_; }  // after a chunk that is an error

 private:
  void learn(std::string_view data, const Chunk& chunk);

  JsonParser* parser_;
  std::string before_;  // what stood around the text of an earlier chunk; empty: nothing learnt
  std::string after_;
  bool reasoning_ = false;
  ServerError error_;
};

}  // namespace infbench::live
