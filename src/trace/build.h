// TraceBuilder: makes a Trace from rows in the order of a file. Sorts them, moves the first to time 0, links the turns of
// sessions, and says what it changed. The rows are taken to be valid: who adds them has checked them. One owner, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "trace/trace.h"

namespace infbench::trace {

inline constexpr Tokens kMostTokens = INT32_MAX;  // of a row's input and of its output

// The fields of one row.
struct RowValues {
  std::optional<Duration> at;             // since any moment; only a later turn of a session may be without
  Tokens input = 0;                       // 1 to kMostTokens; of a literal prompt as counted
  Tokens output = 0;                      // 1 to kMostTokens; 1 if not known
  std::span<const std::uint64_t> blocks;  // blocks_of(input) of them
  std::string_view session;               // JSON text of the session_id; empty: none
  std::optional<Duration> delay;
  std::string_view extra;     // see Trace::Original
  std::string_view stand_in;  // see Trace::stand_in
  Body body = {};
  std::span<const std::string_view> literal = {};  // the pieces of a literal prompt, see Trace::append_literal
};

struct BuiltTrace {
  Trace trace;
  std::vector<std::string> notes;  // what was changed, for the user: "sorted by timestamp: 3 rows were out of order"
};

class TraceBuilder {
 public:
  // Room for so many, to grow without copying; memory that stays unused costs nothing.
  void reserve(std::size_t rows, std::size_t blocks);
  void add(const RowValues& row);
  std::size_t rows() const { return trace_.rows_.size(); }
  std::size_t blocks() const { return trace_.blocks_.size(); }
  BuiltTrace finish() &&;

 private:
  void add_blocks(std::span<const std::uint64_t> ids);
  void name_blocks();
  void add_turn(const RowValues& row);
  void add_body(const RowValues& row);
  Trace::Piece keep(std::string_view text);
  std::size_t late_rows() const;
  void sort(std::vector<std::string>& notes);
  void move_to_zero(std::vector<std::string>& notes);
  void note_turns(std::vector<std::string>& notes) const;
  void note_bodies(std::vector<std::string>& notes) const;

  Trace trace_;
  std::unordered_map<std::uint64_t, BlockNumber> numbers_;  // used once an id does not fit a BlockNumber
  struct Session {
    std::uint32_t index = 0;    // in Trace::sessions_
    std::size_t last_turn = 0;  // in Trace::turns_
  };
  std::unordered_map<std::string, Session> sessions_;
  std::size_t delays_without_effect_ = 0;
  std::size_t turns_before_their_time_ = 0;
  std::unordered_map<std::uint64_t, Trace::Piece> kept_;  // by hash of the text
  std::size_t extras_without_effect_ = 0;
};

}  // namespace infbench::trace
