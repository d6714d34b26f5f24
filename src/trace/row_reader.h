// RowReader: one line of a Mooncake trace -> the values of its row, or everything that is wrong with it. Pure but for the
// sessions it has seen, since only a session's later rows may leave out the timestamp. One owner, one thread.
//
//   {"timestamp": 27482, "input_length": 6955, "output_length": 52, "hash_ids": [46, 47, ...]}
//
// timestamp: milliseconds, whole or decimal. input_length, output_length: tokens, 1 to kMostTokens. hash_ids: one per block of
// 512 tokens of the input, the last one of a partial block too: input_length / 512 of them, rounded up. session_id (a string or
// a whole number) and delay (milliseconds after the end of the session's row before) make a row a turn of a conversation. Other
// fields are kept as they are.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "trace/build.h"
#include "trace/json_cursor.h"

namespace infbench::trace {

class RowReader {
 public:
  // The row, valid until the next call and as long as `line`; null if anything is wrong, which faults() then lists.
  const RowValues* read(std::string_view line);
  const std::vector<Fault>& faults() const { return faults_; }

 private:
  enum Field : std::uint8_t { timestamp, input_length, output_length, hash_ids, session_id, delay, kFields };

  void start();
  void read_fields(JsonCursor& cursor);
  bool read_field(JsonCursor& cursor);
  void read_known(Field field, JsonCursor& cursor);
  void read_unknown(std::string_view quoted_name, std::size_t name_at, JsonCursor& cursor);
  Tokens read_tokens(std::string_view name, JsonCursor& cursor);
  std::optional<Duration> read_ms(std::string_view name, JsonCursor& cursor);
  void read_session(JsonCursor& cursor);
  void read_blocks(JsonCursor& cursor);
  bool read_block(JsonCursor& cursor);
  void check_complete(std::size_t end_of_object);
  void check_block_count();
  void wrong(std::size_t at, std::string what);
  bool has(Field field) const { return (seen_ >> field & 1U) != 0; }

  RowValues row_;
  std::vector<Fault> faults_;
  std::vector<std::uint64_t> blocks_;
  std::string extra_;
  std::vector<std::string_view> unknown_names_;
  std::uint32_t seen_ = 0;     // bits of Field
  bool blocks_good_ = false;   // hash_ids was an array of ids
  std::size_t blocks_at_ = 0;  // where it began
  std::unordered_set<std::string> sessions_;
};

}  // namespace infbench::trace
