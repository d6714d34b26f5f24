// Trace: what traffic there was, as data: when each request came, how long its prompt and answer are, which blocks of the
// prompt are shared with others. Rows are in order of time; times start at 0. Block ids of all rows lie in one arena.
//
// A value; immutable once built (build.h; read.h makes one from a file), so any number of threads may read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.h"
#include "base/types.h"

namespace infbench::trace {

inline constexpr Tokens kBlockTokens = 512;  // of the Mooncake traces

// How many blocks a prompt of so many tokens has; the last one may be partial.
constexpr std::int64_t blocks_of(Tokens tokens) { return (tokens + kBlockTokens - 1) / kBlockTokens; }

// A request's place in its Trace, from 0.
struct RequestIndex {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(RequestIndex, RequestIndex) = default;
};

// A block as the arena holds it, in 32 bits: Trace::block_id gives the id that the file has. Equal numbers mean equal ids.
using BlockNumber = std::uint32_t;

// One row, as whoever sends or simulates it sees it.
struct Request {
  Time at;               // due then at the earliest; of a turn without a time of its own: that of the turn before
  Tokens input = 0;      // the whole prompt: for a later turn of a session the earlier prompts, their answers, and new_input
  Tokens output = 0;     // tokens of the answer, at least 1
  Tokens new_input = 0;  // the row's own input_length
  std::span<const BlockNumber> blocks;   // of new_input, blocks_of(new_input) of them; valid as long as the Trace
  std::optional<RequestIndex> previous;  // the turn before, for a later turn of a session
  Duration delay;                        // from the end of `previous`; 0 without one
};

class Trace {
 public:
  std::size_t size() const { return rows_.size(); }
  Request request(RequestIndex index) const;

  std::size_t block_count() const { return blocks_.size(); }  // of all rows together
  std::uint64_t block_id(BlockNumber number) const { return block_ids_.empty() ? number : block_ids_[number]; }

  // What the trace stands in for ("conversation"), if it was synthesised; empty for a real one. Whatever runs on it must say
  // so.
  const std::string& stand_in() const { return stand_in_; }

  // What only a rewritten file needs of a row. session: the JSON text of its session_id, or empty. extra: the fields that
  // infbench does not know, as they stood, `"name": value` separated by `, `; empty for none.
  struct Original {
    bool has_timestamp = true;
    bool has_delay = false;
    Duration delay;
    std::string_view session;
    std::string_view extra;
  };
  Original original(RequestIndex index) const;

 private:
  friend class TraceBuilder;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  struct Row {
    std::int64_t at_ns = 0;
    std::uint64_t first_block = 0;
    std::uint32_t input = 0;
    std::uint32_t output = 0;
  };
  // Only of rows with a session_id or a delay.
  struct Turn {
    std::uint32_t row = 0;
    std::uint32_t previous = kNone;  // row
    std::uint32_t session = kNone;   // in sessions_
    bool has_timestamp = true;
    bool has_delay = false;
    Duration delay;
    Tokens history = 0;  // tokens of all earlier turns and their answers
  };
  // Only of rows with unknown fields.
  struct Extra {
    std::uint32_t row = 0;
    std::uint32_t size = 0;
    std::uint64_t begin = 0;  // in extra_text_
  };

  const Turn* turn_of(RequestIndex index) const;

  std::vector<Row> rows_;
  std::vector<BlockNumber> blocks_;
  std::vector<std::uint64_t> block_ids_;  // by number; empty while every id fits a number and stands for itself
  std::vector<Turn> turns_;               // in order of row
  std::vector<std::string> sessions_;
  std::vector<Extra> extras_;  // in order of row
  std::string extra_text_;
  std::string stand_in_;
};

}  // namespace infbench::trace
