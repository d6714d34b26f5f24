// RowReader: one line of a Mooncake trace -> the values of its row, or everything that is wrong with it. Pure but for the
// sessions it has seen, since only a session's later rows may leave out the timestamp. One owner, one thread.
//
//   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, ...]}
//
// timestamp: milliseconds, whole or decimal. input_length, output_length: tokens, 1 to kMostTokens. hash_ids: one per block of
// 512 tokens of the input, the last one of a partial block too: input_length / 512 of them, rounded up. session_id (a string or
// a whole number) and delay (milliseconds after the end of the session's row before) make a row a turn of a conversation. Other
// fields are kept as they are.
//
// Instead of input_length and hash_ids a row may have a literal prompt, exactly one of: text_input (a text), messages (an array
// of chat messages, perhaps with tools beside it) and payload (the object of a whole request body). Then output_length may be
// missing. extra is an object of members for the body of this row's request. Null is the same as not there for these five. The
// rows of a session all have messages, or all a payload, or none of them either.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "trace/body_reader.h"
#include "trace/build.h"
#include "trace/json_cursor.h"

namespace infbench::trace {

// A literal prompt in tokens: how many, and an id for each block of 512 of them, of the last partial one too. Equal prompts up
// to the end of a block have equal ids up to there.
struct CountedPrompt {
  Tokens tokens = 0;
  std::vector<std::uint64_t> blocks;
};

// What the reader of a trace is to do with literal prompts. Without `count` they are errors.
struct ReadOptions {
  // Of the JSON text of one; what is wrong with it is told as an error of its place.
  std::function<Result<CountedPrompt>(PromptKind kind, std::string_view json)> count = {};
  std::string needs_output = {};            // why a row must say how long its answer is; empty: it need not
  std::array<std::string, 4> refused = {};  // by PromptKind: why rows of that kind cannot be used; empty: they can
  std::string no_history = {};              // why a later turn that is not self-contained cannot be used; empty: it can
};

class RowReader {
 public:
  explicit RowReader(ReadOptions options = {}) : options_(std::move(options)) {}

  // The row, valid until the next call and as long as `line`; null if anything is wrong, which faults() then lists.
  const RowValues* read(std::string_view line);
  const std::vector<Fault>& faults() const { return faults_; }

 private:
  enum Field : std::uint8_t {
    timestamp,
    input_length,
    output_length,
    hash_ids,
    session_id,
    delay,
    text_input,
    messages,
    tools,
    payload,
    extra,
    kFields
  };

  void start();
  void read_fields(JsonCursor& cursor);
  bool read_field(JsonCursor& cursor);
  void read_known(Field field, JsonCursor& cursor);
  void read_unknown(std::string_view quoted_name, std::size_t name_at, JsonCursor& cursor);
  Tokens read_tokens(std::string_view name, JsonCursor& cursor);
  std::optional<Duration> read_ms(std::string_view name, JsonCursor& cursor);
  void read_session(JsonCursor& cursor);
  void read_body(Field field, BodyReader::Field part, JsonCursor& cursor);
  void read_blocks(JsonCursor& cursor);
  bool read_block(JsonCursor& cursor);
  void check_complete(std::size_t end_of_object);
  bool check_session();
  void check_fields(std::size_t end_of_object, bool later_turn);
  void check_prompt_fields();
  void check_refused(bool later_turn);
  void count_prompt();
  void check_block_count();
  void wrong(std::size_t at, std::string what);
  bool has(Field field) const { return (seen_ >> field & 1U) != 0 && (null_ >> field & 1U) == 0; }
  Field prompt_field() const;

  RowValues row_;
  std::vector<Fault> faults_;
  std::vector<std::uint64_t> blocks_;
  std::string extra_;
  std::vector<std::string_view> unknown_names_;
  ReadOptions options_;
  BodyReader body_;
  CountedPrompt counted_;
  std::array<std::size_t, kFields> at_{};            // where the name of a field stands
  std::uint32_t seen_ = 0;                           // bits of Field
  std::uint32_t null_ = 0;                           // the same, of those whose null means that they are not there
  bool blocks_good_ = false;                         // hash_ids was an array of ids
  std::size_t blocks_at_ = 0;                        // where it began
  std::unordered_map<std::string, Field> sessions_;  // and which field had the prompt of the session's first row
};

}  // namespace infbench::trace
