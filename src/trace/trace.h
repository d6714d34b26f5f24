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

// What a row says its prompt is: tokens that are known by their blocks, or a literal prompt: a text, a list of chat messages,
// or the whole body of its request.
enum class PromptKind : std::uint8_t { blocks, text_input, messages, payload };

// Such a prompt has the whole conversation in it: nothing of the turns before is put before it.
constexpr bool self_contained(PromptKind kind) { return kind == PromptKind::messages || kind == PromptKind::payload; }

// What a row says itself of the body of its request. The texts are JSON as it stood; empty: not there. Valid as long as the
// Trace.
struct Body {
  PromptKind kind = PromptKind::blocks;
  bool has_output_length = true;  // the field is there
  bool output_known = true;       // by that field or by the payload; else Request::output is 1 and means nothing
  bool streams = false;           // a payload: asks for a stream
  bool ignores_eos = false;       // a payload: asks for an answer of the full length
  std::string_view tools = {};    // an array, to go with messages
  std::string_view extra = {};    // an object: members that go into the body of this request
};

// One row, as whoever sends or simulates it sees it.
struct Request {
  Time at;               // due then at the earliest; of a turn without a time of its own: that of the turn before
  Tokens input = 0;      // the whole prompt: for a later turn of a session the earlier prompts, their answers, and new_input;
                         // new_input alone if it is self_contained()
  Tokens output = 0;     // tokens of the answer, at least 1
  Tokens new_input = 0;  // the row's own input_length, or the tokens counted in its literal prompt
  std::span<const BlockNumber> blocks;   // of new_input, blocks_of(new_input) of them; valid as long as the Trace
  std::optional<RequestIndex> previous;  // the turn before, for a later turn of a session
  Duration delay;                        // from the end of `previous`; 0 without one
  PromptKind prompt = PromptKind::blocks;
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

  Body body(RequestIndex index) const;
  // Appends the JSON text of a literal prompt (of a text_input: a string with its quotes), as pieces to be put one after the
  // other. Pieces that several rows have in common, as the messages of a conversation, are one text in memory.
  void append_literal(RequestIndex index, std::vector<std::string_view>& pieces) const;
  std::size_t literal_bytes() const { return literal_text_.size(); }  // of all rows together
  std::size_t literal_prompts() const { return literal_prompts_; }    // rows that have one

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

  // A part of literal_text_.
  struct Piece {
    std::uint64_t begin = 0;
    std::uint32_t size = 0;
  };
  // Only of rows with a literal prompt or an `extra`.
  struct BodyRow {
    std::uint32_t row = 0;
    std::uint32_t pieces = 0;
    std::uint64_t first_piece = 0;  // in pieces_
    Piece tools, extra;
    Body facts;  // its texts are empty here
  };

  const Turn* turn_of(RequestIndex index) const;
  const BodyRow* body_of(RequestIndex index) const;
  std::string_view text_of(const Piece& piece) const { return std::string_view(literal_text_).substr(piece.begin, piece.size); }

  std::vector<Row> rows_;
  std::vector<BlockNumber> blocks_;
  std::vector<std::uint64_t> block_ids_;  // by number; empty while every id fits a number and stands for itself
  std::vector<Turn> turns_;               // in order of row
  std::vector<std::string> sessions_;
  std::vector<Extra> extras_;  // in order of row
  std::string extra_text_;
  std::vector<BodyRow> bodies_;  // in order of row
  std::vector<Piece> pieces_;
  std::string literal_text_;
  std::size_t literal_prompts_ = 0;
  std::string stand_in_;
};

}  // namespace infbench::trace
