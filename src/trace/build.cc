#include "trace/build.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "base/check.h"
#include "base/hash.h"

namespace infbench::trace {
namespace {

std::string rows_text(std::size_t count) { return fmt::format("{} row{}", count, count == 1 ? "" : "s"); }

}  // namespace

void TraceBuilder::reserve(std::size_t rows, std::size_t blocks) {
  trace_.rows_.reserve(rows);
  trace_.blocks_.reserve(blocks);
}

void TraceBuilder::add(const RowValues& row) {
  INFBENCH_CHECK(row.input > 0 && row.input <= kMostTokens && row.output > 0 && row.output <= kMostTokens);
  INFBENCH_CHECK(static_cast<std::int64_t>(row.blocks.size()) == blocks_of(row.input));
  INFBENCH_CHECK(trace_.rows_.size() < Trace::kNone);
  const auto index = static_cast<std::uint32_t>(trace_.rows_.size());
  trace_.rows_.push_back({.at_ns = row.at.value_or(Duration{}).ns,
                          .first_block = trace_.blocks_.size(),
                          .input = static_cast<std::uint32_t>(row.input),
                          .output = static_cast<std::uint32_t>(row.output)});
  add_blocks(row.blocks);
  if (!row.session.empty() || row.delay) add_turn(row);
  if (!row.extra.empty()) {
    trace_.extras_.push_back(
        {.row = index, .size = static_cast<std::uint32_t>(row.extra.size()), .begin = trace_.extra_text_.size()});
    trace_.extra_text_ += row.extra;
  }
  if (row.body.kind != PromptKind::blocks || !row.body.extra.empty()) add_body(row);
  if (trace_.stand_in_.empty()) trace_.stand_in_ = row.stand_in;
}

void TraceBuilder::add_body(const RowValues& row) {
  Trace::BodyRow body{.row = static_cast<std::uint32_t>(trace_.rows_.size() - 1),
                      .pieces = static_cast<std::uint32_t>(row.literal.size()),
                      .first_piece = trace_.pieces_.size(),
                      .tools = keep(row.body.tools),
                      .extra = keep(row.body.extra),
                      .facts = row.body};
  body.facts.tools = {};
  body.facts.extra = {};
  for (const std::string_view piece : row.literal) trace_.pieces_.push_back(keep(piece));
  if (row.body.kind != PromptKind::blocks) ++trace_.literal_prompts_;
  if (row.body.kind == PromptKind::payload && !row.body.extra.empty()) ++extras_without_effect_;
  trace_.bodies_.push_back(body);
}

Trace::Piece TraceBuilder::keep(std::string_view text) {
  const Trace::Piece fresh{.begin = trace_.literal_text_.size(), .size = static_cast<std::uint32_t>(text.size())};
  if (text.empty()) return fresh;
  const auto [place, is_new] = kept_.emplace(hash_bytes(text), fresh);
  if (!is_new && trace_.text_of(place->second) == text) return place->second;
  trace_.literal_text_ += text;
  return fresh;
}

void TraceBuilder::add_blocks(std::span<const std::uint64_t> ids) {
  for (const std::uint64_t id : ids) {
    if (trace_.block_ids_.empty()) {
      if (id <= UINT32_MAX) {
        trace_.blocks_.push_back(static_cast<BlockNumber>(id));
        continue;
      }
      name_blocks();
    }
    const auto [place, is_new] = numbers_.emplace(id, static_cast<BlockNumber>(trace_.block_ids_.size()));
    if (is_new) trace_.block_ids_.push_back(id);
    trace_.blocks_.push_back(place->second);
  }
}

// From now on a number is the place of its id in block_ids_.
void TraceBuilder::name_blocks() {
  for (BlockNumber& block : trace_.blocks_) {
    const auto [place, is_new] = numbers_.emplace(block, static_cast<BlockNumber>(trace_.block_ids_.size()));
    if (is_new) trace_.block_ids_.push_back(block);
    block = place->second;
  }
}

void TraceBuilder::add_turn(const RowValues& row) {
  const auto index = static_cast<std::uint32_t>(trace_.rows_.size() - 1);
  Trace::Turn turn{.row = index,
                   .has_timestamp = row.at.has_value(),
                   .has_delay = row.delay.has_value(),
                   .delay = row.delay.value_or(Duration{})};
  bool is_first = true;
  if (!row.session.empty()) {
    const Session fresh{.index = static_cast<std::uint32_t>(trace_.sessions_.size()), .last_turn = trace_.turns_.size()};
    const auto [place, is_new] = sessions_.emplace(row.session, fresh);
    Session& session = place->second;
    is_first = is_new;
    if (is_new) {
      trace_.sessions_.emplace_back(row.session);
    } else {
      const Trace::Turn& before = trace_.turns_[session.last_turn];
      const Trace::Row& row_before = trace_.rows_[before.row];
      turn.previous = before.row;
      if (!self_contained(row.body.kind)) turn.history = before.history + row_before.input + row_before.output;
      // It cannot be sent before the turn it follows, so this changes nothing but keeps a session's turns in their order.
      std::int64_t& at_ns = trace_.rows_.back().at_ns;
      if (turn.has_timestamp && at_ns < row_before.at_ns) ++turns_before_their_time_;
      at_ns = turn.has_timestamp ? std::max(at_ns, row_before.at_ns) : row_before.at_ns;
      session.last_turn = trace_.turns_.size();
    }
    turn.session = session.index;
  }
  INFBENCH_CHECK(turn.has_timestamp || !is_first);
  if (turn.has_delay && is_first) ++delays_without_effect_;
  trace_.turns_.push_back(turn);
}

// A turn that has no timestamp of its own is never late.
std::size_t TraceBuilder::late_rows() const {
  std::size_t late = 0;
  std::int64_t latest = INT64_MIN;
  auto turn = trace_.turns_.begin();
  for (std::uint32_t i = 0; i < trace_.rows_.size(); ++i) {
    while (turn != trace_.turns_.end() && turn->row < i) ++turn;
    if (turn != trace_.turns_.end() && turn->row == i && !turn->has_timestamp) continue;
    if (trace_.rows_[i].at_ns < latest) ++late;
    latest = std::max(latest, trace_.rows_[i].at_ns);
  }
  return late;
}

void TraceBuilder::sort(std::vector<std::string>& notes) {
  std::vector<Trace::Row>& rows = trace_.rows_;
  if (std::ranges::is_sorted(rows, {}, &Trace::Row::at_ns)) return;
  if (const std::size_t late = late_rows(); late > 0) {
    notes.push_back(fmt::format("sorted by timestamp: {} {} out of order", rows_text(late), late == 1 ? "was" : "were"));
  }

  std::vector<std::uint32_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, {}, [&](std::uint32_t row) { return rows[row].at_ns; });
  std::vector<std::uint32_t> place(rows.size());
  std::vector<Trace::Row> sorted;
  sorted.reserve(rows.size());
  for (const std::uint32_t row : order) {
    place[row] = static_cast<std::uint32_t>(sorted.size());
    sorted.push_back(rows[row]);
  }
  rows = std::move(sorted);
  for (Trace::Turn& turn : trace_.turns_) {
    turn.row = place[turn.row];
    if (turn.previous != Trace::kNone) turn.previous = place[turn.previous];
  }
  for (Trace::Extra& extra : trace_.extras_) extra.row = place[extra.row];
  for (Trace::BodyRow& body : trace_.bodies_) body.row = place[body.row];
  std::ranges::sort(trace_.turns_, {}, &Trace::Turn::row);
  std::ranges::sort(trace_.extras_, {}, &Trace::Extra::row);
  std::ranges::sort(trace_.bodies_, {}, &Trace::BodyRow::row);
}

void TraceBuilder::move_to_zero(std::vector<std::string>& notes) {
  if (trace_.rows_.empty() || trace_.rows_.front().at_ns == 0) return;
  const std::int64_t first = trace_.rows_.front().at_ns;
  notes.push_back(fmt::format("the first timestamp was {} ms: all times moved so that it is 0", to_ms(Duration{first})));
  for (Trace::Row& row : trace_.rows_) row.at_ns -= first;
}

void TraceBuilder::note_turns(std::vector<std::string>& notes) const {
  if (delays_without_effect_ > 0) {
    notes.push_back(fmt::format("a delay counts from the turn before: it has no effect in {} without one",
                                rows_text(delays_without_effect_)));
  }
  if (turns_before_their_time_ > 0) {
    notes.push_back(fmt::format("a turn is sent after the one before it: {} had an earlier timestamp than that",
                                rows_text(turns_before_their_time_)));
  }
}

void TraceBuilder::note_bodies(std::vector<std::string>& notes) const {
  if (trace_.literal_prompts_ > 0) {
    notes.push_back(fmt::format("{} with a literal prompt: its tokens are counted by the rule for text, not by a tokenizer",
                                rows_text(trace_.literal_prompts_)));
  }
  if (extras_without_effect_ > 0) {
    notes.push_back(
        fmt::format("a payload is sent as it is: 'extra' has no effect in {} with one", rows_text(extras_without_effect_)));
  }
}

BuiltTrace TraceBuilder::finish() && {
  std::vector<std::string> notes;
  sort(notes);
  move_to_zero(notes);
  note_turns(notes);
  note_bodies(notes);
  return {std::move(trace_), std::move(notes)};
}

}  // namespace infbench::trace
